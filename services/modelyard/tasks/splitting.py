"""Which rows are trained on, which choose, and which judge: deterministic in the seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import BadData, InvalidRequest
from modelyard.recipe import Split

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """The rows of each part, by the names of `Part`."""

    train: Rows
    validation: Rows
    test: Rows

    def of(self, part: str) -> Rows:
        rows: Rows = getattr(self, part)
        return rows


def by_chance(split: Split, rows: int, seed: int) -> Parts:
    """The last rows in their order for `time`, else a random choice."""
    if split.split == "time":
        return _cut(np.arange(rows), split)
    return _cut(np.random.default_rng(seed).permutation(rows), split)


def by_class(split: Split, names: NDArray[np.object_], seed: int) -> Parts:
    """As `by_chance`, or every class in its share to every part (auto, stratified).

    Raises BadData if a class has no row left to train on.
    """
    if split.split in ("auto", "stratified"):
        parts = _cut(_interleaved(names, seed), split)
    else:
        parts = by_chance(split, len(names), seed)
    missing = sorted(set(names.tolist()) - set(names[parts.train].tolist()))
    if missing:
        raise BadData.of(
            "training.validation",
            "leaves no example to train on for some classes",
            expected="more examples of them, or smaller held-out parts",
            received=", ".join(missing[:10]),
        )
    return parts


def sizes(split: Split, rows: int, least: int = 1) -> tuple[int, int]:
    """How many rows validation and test take, `least` at least. Raises InvalidRequest if none are left."""
    test = round(split.test * rows) if split.test < 1 else int(split.test)
    if split.test >= 1 and test < least:
        raise InvalidRequest.of(
            "training.validation.test",
            "is shorter than one forecast",
            expected=f"at least {least} rows",
            received=str(test),
        )
    test = max(test, least)
    validation = max(round(split.fraction * rows), least)
    if test + validation >= rows:
        raise InvalidRequest.of(
            "training.validation",
            "leaves nothing to train on",
            expected=f"less than the {rows} rows of the dataset",
            received=f"{validation} for validation and {test} for the test",
        )
    return validation, test


def _cut(order: Rows, split: Split) -> Parts:
    """Test rows from the end of the order, validation rows before them."""
    validation, test = sizes(split, len(order))
    train = len(order) - validation - test
    return Parts(order[:train], order[train : train + validation], order[train + validation :])


def _interleaved(names: NDArray[np.object_], seed: int) -> Rows:
    """An order in which every stretch holds the classes in their shares.

    Each row gets its place within its own class as a number between 0 and 1; sorted by these, the classes
    run through the order side by side.
    """
    shuffled = np.random.default_rng(seed).permutation(len(names))
    places = np.empty(len(names))
    for name in sorted(set(names.tolist())):
        rows = shuffled[names[shuffled] == name]
        places[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return shuffled[np.argsort(places[shuffled], kind="stable")].astype(np.int64)
