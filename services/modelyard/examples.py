"""Examples: what a dataset holds, as named columns of equal length.

Numbers are numeric NumPy arrays; text and encoded images are object arrays of `str` and `bytes`;
decoded images and other tensors are arrays with more than one dimension.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ColumnKind = Literal["number", "text", "bytes", "array"]


@dataclass(frozen=True)
class Column:
    """What is known of a column before its values are read."""

    kind: ColumnKind
    shape: tuple[int | None, ...] = ()
    """The shape of one value: () for a number, text or bytes."""
    classes: tuple[str, ...] | None = None
    """The distinct values, sorted, where there are few enough to be classes; None if not known."""
    not_numbers: tuple[tuple[str, str], ...] = ()
    """Where the first values stand that make this a column of text (`file:line`), and what they are."""


@dataclass(frozen=True)
class Schema:
    """What a dataset holds, known without reading all of it."""

    columns: Mapping[str, Column]
    rows: int | None = None


@dataclass(frozen=True)
class Examples:
    """`columns` maps a name to an array whose first dimension is the row."""

    columns: Mapping[str, NDArray[Any]]
    source: str = "dataset"
    """The name of the file in messages."""
    first_line: int = 1
    """The line of row 0 in the source, so that messages name the line that an editor shows."""
    lines: NDArray[np.int64] | None = field(default=None, repr=False)
    """The line of every row, where rows were taken out of their order."""
    names: NDArray[np.object_] | None = field(default=None, repr=False)
    """The file of every row, where rows are files of an archive."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def where(self, row: int) -> str:
        """`file:line` of a row, for messages; `archive/file` where a row is a file."""
        if self.names is not None:
            return f"{self.source}/{self.names[row]}"
        line = self.lines[row] if self.lines is not None else self.first_line + row
        return f"{self.source}:{line}"

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        lines = self.lines if self.lines is not None else np.arange(len(self)) + self.first_line
        columns = {name: values[rows] for name, values in self.columns.items()}
        names = None if self.names is None else self.names[rows]
        return Examples(columns, self.source, self.first_line, lines[rows], names)


def labels(values: NDArray[Any]) -> NDArray[np.object_]:
    """The values as names of classes: 3.0 is "3", a missing value is ""."""
    if values.dtype == object:
        return np.array([_text(value) for value in values], dtype=object)
    return np.array([_number_text(value) for value in values.tolist()], dtype=object)


def classes(names: NDArray[np.object_]) -> tuple[str, ...]:
    """The distinct names but "": in the order of numbers if all are whole numbers, else of the alphabet."""
    distinct = set(names.tolist()) - {""}
    if all(_WHOLE.fullmatch(name) for name in distinct):
        return tuple(sorted(distinct, key=int))
    return tuple(sorted(distinct))


_WHOLE = re.compile(r"-?[0-9]{1,18}")


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _number_text(value: float | bool) -> str:
    if value != value:  # NaN
        return ""
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)
