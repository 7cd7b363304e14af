"""How much each example counts in the loss: the weights of its row and of its class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest
from modelyard.recipe import ClassWeights, Training
from modelyard.tasks import Learning, Part

Weights = NDArray[np.float32]


def weights(
    training: Training, learning: Learning, part: Part, targets: NDArray[Any]
) -> Weights | None:
    """None where all count alike. Class weights are for training only: what is watched stays comparable.

    Raises InvalidRequest where a class is named that there is not.
    """
    of_rows = learning.weights(part)
    if training.class_weights is None or part != "train":
        return of_rows
    of_classes = _of_classes(training.class_weights, learning.classes or (), targets)
    return of_classes if of_rows is None else of_rows * of_classes


def _of_classes(rule: ClassWeights, classes: tuple[str, ...], one_hot: NDArray[Any]) -> Weights:
    counts = one_hot.sum(axis=0)
    if isinstance(rule, str):
        return _each(len(one_hot) / (len(classes) * np.maximum(counts, 1)), one_hot)
    for name in rule:
        if name not in classes:
            raise InvalidRequest.of(
                f"training.class_weights.{name}",
                "there is no such class",
                expected=f"one of {', '.join(classes[:20])}",
                received=name,
            )
    return _each(np.array([rule.get(name, 1.0) for name in classes]), one_hot)


def _each(by_class: NDArray[Any], one_hot: NDArray[Any]) -> Weights:
    chosen: Weights = by_class[one_hot.argmax(axis=1)].astype(np.float32)
    return chosen
