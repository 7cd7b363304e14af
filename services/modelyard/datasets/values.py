"""Columns of plain values that know their kind: numbers, texts, true and false."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from modelyard import examples
from modelyard.datasets.summary import ColumnSummary
from modelyard.datasets.tally import Kind, Numbers, Values, classes, shown
from modelyard.errors import Violation

Cell = tuple[int, Any]
"""The line of a value, and the value."""


class Plain:
    """A column whose values come as Python's; all must be of the kind of the first."""

    def __init__(self, name: str, wanted: Kind | None) -> None:
        self.name = name
        self._wanted = wanted
        self._kind: Kind | None = wanted
        self._values = Values()
        self._numbers = Numbers()
        self._present = 0

    def add(self, cells: Sequence[Cell], title: str) -> Iterator[Violation]:
        """Answers the cells that are not of the kind that the column's first value is of."""
        known = [value for _, value in cells if value is not None]
        if self._kind is None:
            self._kind = next(filter(None, map(_kind, known)), None)
        if not all(self._fits(value) for value in known):
            return self._misfits(cells, title)
        self._count(known)
        return iter(())

    def summary(self, rows: int) -> ColumnSummary:
        if self._kind == "number":
            values = self._values.named(lambda keys: examples.labels(np.array(keys, np.float64)))
        else:
            values = self._values.named(lambda keys: np.array(keys, dtype=object))
        found = ColumnSummary(
            self._kind or "text",
            missing=rows - self._present,
            distinct=None if values is None else len(values),
            classes=classes(values),
        )
        return self._numbers.complete(found)

    def _fits(self, cell: Any) -> bool:
        kind = _kind(cell)
        return kind is not None and (self._wanted == "text" or kind == self._kind)

    def _count(self, known: Sequence[Any]) -> None:
        if self._kind == "number":
            numbers = [number(cell) for cell in known]
            self._present += len(numbers)
            self._values.add(numbers)
            self._numbers.add(np.array(numbers, dtype=np.float64))
        else:
            texts = [text(cell) for cell in known]
            self._present += len(texts) - texts.count("")
            self._values.add(texts)

    def _misfits(self, cells: Sequence[Cell], title: str) -> Iterator[Violation]:
        wanted = self._kind or "number or text"
        for line, value in cells:
            if value is not None and not self._fits(value):
                kind = _kind(value)
                received = f"{kind} {shown(value)}" if kind else type(value).__name__
                yield Violation(
                    f"{title}:{line}",
                    f"column {self.name!r} holds different things",
                    wanted,
                    received,
                )


def number(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError:  # a whole number of more than 308 digits
        return np.inf if cell > 0 else -np.inf


def text(cell: Any) -> str:
    """true and false as JSON writes them; numbers, where they are wanted as text, as Python does."""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _kind(cell: Any) -> Kind | None:
    """None for what is no plain value."""
    if isinstance(cell, bool | str):
        return "text"
    return "number" if isinstance(cell, int | float) else None
