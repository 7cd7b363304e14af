"""Counts the values of a column as they pass by, in bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modelyard import examples
from modelyard.datasets.summary import ColumnSummary, finite
from modelyard.errors import BadData, Violation

Kind = Literal["number", "text"]
Floats = NDArray[np.float64]

_MOST_DISTINCT = 10_000
_MOST_LETTERS = 2 * 1024 * 1024
"""Of the distinct values of one column."""
_MOST_CLASSES = 1000
_PLACES_SHOWN = 5
_SHOWN = 80
"""Letters of a value in a message."""


class Values:
    """The distinct values of a column and how often each comes, until they are too many."""

    def __init__(self) -> None:
        self.counts: Counter[Any] | None = Counter()

    def add(self, values: Iterable[Any]) -> None:
        if self.counts is None:
            return
        self.counts.update(values)
        if len(self.counts) > _MOST_DISTINCT or self._letters() > _MOST_LETTERS:
            self.counts = None

    def named(self, label: Callable[[Sequence[Any]], NDArray[np.object_]]) -> Counter[str] | None:
        """The same by the names of classes; values without one are left out."""
        if self.counts is None:
            return None
        named: Counter[str] = Counter()
        for name, count in zip(label(list(self.counts)), self.counts.values(), strict=True):
            named[name] += count
        del named[""]
        return named

    def _letters(self) -> int:
        return sum(len(value) for value in self.counts or () if isinstance(value, str | bytes))


class Numbers:
    """The range and the mean of numbers; NaN is a missing one."""

    def __init__(self) -> None:
        self.present = 0
        self._sum, self._min, self._max = 0.0, np.inf, -np.inf

    def add(self, values: NDArray[Any]) -> None:
        present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        if present.size:
            self.present += present.size
            with np.errstate(over="ignore", invalid="ignore"):
                self._sum += float(present.sum(dtype=np.float64))
            self._min = min(self._min, float(present.min()))
            self._max = max(self._max, float(present.max()))

    def complete(self, summary: ColumnSummary) -> ColumnSummary:
        if not self.present:
            return summary
        mean = finite(self._sum / self.present)
        return replace(summary, min=finite(self._min), max=finite(self._max), mean=mean)


class NumberColumn:
    """A column of numbers; NaN is a missing one."""

    def __init__(self) -> None:
        self._values = Values()
        self._numbers = Numbers()
        self._rows = 0

    def add(self, values: Floats) -> None:
        self._rows += len(values)
        self._numbers.add(values)
        self._values.add(values[~np.isnan(values)].tolist())

    def summary(self) -> ColumnSummary:
        values = self._values.named(lambda keys: examples.labels(np.array(keys, np.float64)))
        found = ColumnSummary(
            "number",
            missing=self._rows - self._numbers.present,
            distinct=None if values is None else len(values),
            classes=classes(values),
        )
        return self._numbers.complete(found)


class Cells:
    """A column of texts that is one of numbers if all are, or if the request says so."""

    def __init__(self, name: str, wanted: Kind | None) -> None:
        self.name = name
        self._wanted = wanted
        self._values = Values()
        self._numbers = Numbers()
        self._rows = 0
        self._missing = 0
        self._places: list[tuple[str, str]] = []

    def add(self, cells: Sequence[str], where: Callable[[int], str]) -> None:
        """`where` answers the place of a cell of this batch."""
        self._rows += len(cells)
        self._missing += cells.count("")
        self._values.add(cells)
        if self._wanted == "text" or len(self._places) >= _PLACES_SHOWN:
            return
        values = floats(cells)
        if values is None:
            self._places += _not_numbers(cells, where, _PLACES_SHOWN - len(self._places))
        elif not self._places:
            self._numbers.add(values)

    def summary(self) -> ColumnSummary:
        """Raises BadData if the request calls it a column of numbers and it is none."""
        if self._wanted == "number":
            BadData.refuse(
                Violation(place, f"column {self.name!r} holds no number", "a number", value)
                for place, value in self._places
            )
        is_empty = self._missing == self._rows
        if self._wanted == "text" or self._places or (is_empty and self._wanted is None):
            return self._texts()
        values = self._values.named(lambda keys: examples.labels(_floats(keys)))
        found = ColumnSummary(
            "number",
            missing=self._rows - self._numbers.present,
            distinct=None if values is None else len(values),
            classes=classes(values),
        )
        return self._numbers.complete(found)

    def _texts(self) -> ColumnSummary:
        values = self._values.named(lambda keys: np.array(keys, dtype=object))
        return ColumnSummary(
            "text",
            missing=self._missing,
            distinct=None if values is None else len(values),
            classes=classes(values),
            not_numbers=tuple(self._places),
        )


def floats(cells: Sequence[str]) -> Floats | None:
    """NaN for empty cells; None if one is no number."""
    if "_" in "".join(cells):  # Python reads 1_000 as a number
        return None
    try:
        return _floats(cells)
    except ValueError:
        return None


def classes(values: Counter[str] | None) -> dict[str, int] | None:
    """How often each class comes, in the order that training gives them; None if there are too many."""
    if values is None or len(values) > _MOST_CLASSES:
        return None
    names = np.array(list(values), dtype=object)
    return {name: values[name] for name in examples.classes(names)}


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _floats(cells: Sequence[str]) -> Floats:
    return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)


def _not_numbers(
    cells: Sequence[str], where: Callable[[int], str], most: int
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for row, cell in enumerate(cells):
        if floats((cell,)) is None:
            found.append((where(row), shown(cell)))
            if len(found) == most:
                break
    return found
