"""Classify and Regress over tf.Example: what TensorFlow Serving's two older calls mean, whatever carries them.

A SavedModel from elsewhere answers `classes` and `scores`, or `outputs`. A version that was trained here has its
classes in the manifest, and answers `scores`, or the one value that it was trained for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest
from modelyard.inference.example_inputs import arrays_of
from modelyard.inference.question import Question, ask
from modelyard.prediction import Call, ModelRef, Predictor, ServedVersion, SignatureSpec

_SINGLE_VALUE = {"tabular_regression": "value"}
"""Task → the output that holds one number for each example."""


@dataclass(frozen=True)
class Classes:
    """What Classify answers."""

    version: ServedVersion
    signature: str
    rows: list[list[tuple[str, float]]]
    """Of every example label and score of every class; "" without labels, 0 without scores."""


@dataclass(frozen=True)
class Values:
    """What Regress answers."""

    version: ServedVersion
    signature: str
    values: list[float]
    """Of every example."""


def classify(
    predictor: Predictor, ref: ModelRef, signature: str, examples: Sequence[Any], call: Call
) -> Classes:
    """Raises InvalidRequest where the signature does not classify, and what a Predictor raises."""
    prediction = ask(predictor, ref, _question(signature, examples, classification_outputs), call)
    outputs = prediction.outputs
    scores = _scores(outputs["scores"], len(examples)) if "scores" in outputs else None
    labels = _given_labels(outputs["classes"], len(examples)) if "classes" in outputs else None
    if labels is None:
        manifest = prediction.version.manifest
        names = list(manifest.classes or ()) if manifest is not None else []
        labels = [names] * len(examples) if names else None
    return Classes(prediction.version, signature, _paired(labels, scores))


def regress(
    predictor: Predictor, ref: ModelRef, signature: str, examples: Sequence[Any], call: Call
) -> Values:
    """Raises InvalidRequest where the signature does not regress, and what a Predictor raises."""
    prediction = ask(predictor, ref, _question(signature, examples, regression_outputs), call)
    (values,) = prediction.outputs.values()
    if values.dtype.kind != "f":
        raise _unfit(f"Expected output Tensor of DT_FLOAT.  Got: {values.dtype}")
    if values.shape not in ((len(examples),), (len(examples), 1)):
        raise _unfit(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{list(values.shape)}"
        )
    return Values(prediction.version, signature, values.ravel().tolist())


def classification_outputs(version: ServedVersion, spec: SignatureSpec) -> tuple[str, ...]:
    """The outputs that Classify reads. Raises InvalidRequest if there are none."""
    found = tuple(name for name in ("classes", "scores") if name in spec.outputs)
    if not found:
        raise _unfit(
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {', '.join(sorted(spec.outputs))}"
        )
    return found


def regression_outputs(version: ServedVersion, spec: SignatureSpec) -> tuple[str, ...]:
    """The output that Regress reads. Raises InvalidRequest if there is none."""
    name = "outputs"
    if version.manifest is not None:
        name = _SINGLE_VALUE.get(str(version.manifest.task.get("type")), name)
    if name not in spec.outputs:
        raise _unfit(
            "No regression outputs found in SignatureDef: "
            f"expected {name}, and it has {', '.join(sorted(spec.outputs))}"
        )
    return (name,)


def _question(
    signature: str,
    examples: Sequence[Any],
    outputs: Callable[[ServedVersion, SignatureSpec], tuple[str, ...]],
) -> Callable[[ServedVersion], Question]:
    def question(version: ServedVersion) -> Question:
        spec = version.signatures.get(signature)
        if spec is None:
            raise InvalidRequest(
                f"No signature was found with the name: {signature}", reason="SIGNATURE_NOT_FOUND"
            )
        wanted = outputs(version, spec)
        return Question(arrays_of(version, spec, examples), signature, wanted)

    return question


def _scores(scores: NDArray[Any], rows: int) -> list[list[float]]:
    if scores.dtype.kind != "f":
        raise _unfit(f"Expected scores Tensor of DT_FLOAT. Got: {scores.dtype}")
    return _table("scores", scores, rows)


def _given_labels(classes: NDArray[Any], rows: int) -> list[list[str]]:
    if classes.dtype != object:
        raise _unfit(f"Expected classes Tensor of DT_STRING. Got: {classes.dtype}")
    return [
        [
            label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
            for label in row
        ]
        for row in _table("classes", classes, rows)
    ]


def _table(name: str, array: NDArray[Any], rows: int) -> list[list[Any]]:
    if array.ndim != 2:
        raise _unfit(
            f"Expected Tensor shape: [batch_size num_classes] but got {name} {list(array.shape)}"
        )
    if len(array) != rows:
        raise _unfit(f"Expected {name} output batch size of {rows}. Got: {len(array)}")
    table: list[list[Any]] = np.asarray(array).tolist()
    return table


def _paired(
    labels: list[list[str]] | None, scores: list[list[float]] | None
) -> list[list[tuple[str, float]]]:
    if labels is None:
        return [[("", score) for score in row] for row in scores or ()]
    if scores is None:
        return [[(label, 0.0) for label in row] for row in labels]
    for names, row in zip(labels, scores, strict=True):
        if len(names) != len(row):
            raise _unfit(
                "Expected class and score tensors to have the same number of classes: "
                f"{len(names)} vs. {len(row)}"
            )
    return [list(zip(names, row, strict=True)) for names, row in zip(labels, scores, strict=True)]


def _unfit(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="UNFIT_SIGNATURE")
