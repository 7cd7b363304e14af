"""What all classifiers share: reading labels, and figures of merit beside those of the majority class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelyard import examples
from modelyard.errors import BadData, Violation
from modelyard.examples import Examples
from modelyard.tasks import calibration
from modelyard.tasks.learning import Evaluation

Indices = NDArray[np.int64]
LEAST_ROWS = 3
"""Examples of a class: one for each part."""


@dataclass(frozen=True)
class Labels:
    """The classes, sorted, and the class of every row."""

    classes: tuple[str, ...]
    names: NDArray[np.object_]
    indices: Indices

    @classmethod
    def of(cls, found: Examples, column: str) -> "Labels":
        names = examples.labels(found.columns[column])
        classes = examples.classes(names)
        number = {name: index for index, name in enumerate(classes)}
        return cls(classes, names, np.array([number[name] for name in names], dtype=np.int64))

    def one_hot(self, rows: Indices) -> NDArray[np.float32]:
        return np.eye(len(self.classes), dtype=np.float32)[self.indices[rows]]

    def counts(self, rows: Indices) -> dict[str, int]:
        counts = np.bincount(self.indices[rows], minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))


def check_labels(found: Examples, column: str) -> None:
    """Raises BadData naming the rows without a label, and the classes that are too small to split."""
    names = examples.labels(found.columns[column])
    BadData.refuse(
        Violation(found.where(int(row)), f"column {column!r} is empty", expected="a class")
        for row in np.flatnonzero(names == "")
    )
    if len(set(names)) < 2:
        raise BadData.of(
            f"{found.source}[{column}]",
            "there is nothing to tell apart",
            expected="at least two classes",
            received=", ".join(set(names)) or "none",
        )
    BadData.refuse(_small(found, column, names))


def evaluate(
    scores: NDArray[np.float32], truth: Indices, train: Indices, classes: tuple[str, ...]
) -> Evaluation:
    """`truth` are the classes of the scored rows, `train` those of the training rows.

    Of two classes the last one is the positive one.
    """
    shares = np.bincount(train, minlength=len(classes)) / max(len(train), 1)
    constant = np.tile(shares, (len(truth), 1))
    return Evaluation(
        metrics=_figures(scores.astype(np.float64), truth, len(classes)),
        baseline=_figures(constant, truth, len(classes)),
    )


def _small(found: Examples, column: str, names: NDArray[np.object_]) -> Iterator[Violation]:
    values, first, counts = np.unique(names.astype(str), return_index=True, return_counts=True)
    for value, row, count in zip(values, first, counts, strict=True):
        if count < LEAST_ROWS:
            yield Violation(
                found.where(int(row)),
                f"class {str(value)!r} of column {column!r} has too few examples to hold some out",
                expected=f"at least {LEAST_ROWS}",
                received=str(count),
            )


def _figures(scores: NDArray[np.float64], truth: Indices, classes: int) -> dict[str, float]:
    answers = scores.argmax(axis=1)
    chosen = np.clip(scores[np.arange(len(truth)), truth], 1e-7, 1.0)
    figures = {
        "accuracy": float(np.mean(answers == truth)),
        "calibration_error": calibration.error(scores, truth),
        "cross_entropy": float(-np.log(chosen).mean()),
        "f1_macro": float(np.mean([_f1(answers == c, truth == c) for c in range(classes)])),
    }
    if classes == 2:
        figures["f1"] = _f1(answers == 1, truth == 1)
        figures["mcc"] = _mcc(answers == 1, truth == 1)
    return figures


def _f1(answers: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """0 where there is nothing to find and nothing was found."""
    both = int(answers.sum()) + int(truth.sum())
    return 2 * int((answers & truth).sum()) / both if both else 0.0


def _mcc(answers: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Matthews' correlation coefficient; 0 where one side is constant."""
    tp, tn = int((answers & truth).sum()), int((~answers & ~truth).sum())
    fp, fn = int((answers & ~truth).sum()), int((~answers & truth).sum())
    below = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / float(below) ** 0.5 if below else 0.0
