"""What the readers of all formats share: columns from cells, and what is known of columns."""

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modelyard import examples
from modelyard.errors import BadData
from modelyard.examples import Column, Examples, Schema

SMALL_FILE = 8 * 1024 * 1024
"""Bytes up to which a file is read whole to tell what it holds; of a larger one, the beginning."""
FIRST_ROWS = 2000
"""How many rows of a larger file are read to tell what it holds."""
MOST_COLUMNS = 10_000
_MOST_CLASSES = 1000


def is_small(path: Path) -> bool:
    return path.stat().st_size <= SMALL_FILE


def column(cells: Sequence[str]) -> NDArray[Any]:
    """float64 with NaN for empty cells if all others are numbers, else an object array of str."""
    numbers = _numbers(cells)
    return _texts(cells) if numbers is None else numbers


def schema(found: Examples, *, complete: bool) -> Schema:
    """`complete` says that these are all the examples, so that they show every class."""
    columns = {name: _describe(values, complete) for name, values in found.columns.items()}
    return Schema(columns, len(found) if complete else None)


def check_names(names: Sequence[str], where: str) -> None:
    """Raises BadData unless there are names, none is empty and none comes twice."""
    if not names:
        raise BadData.of(where, "the examples have no columns")
    if len(names) > MOST_COLUMNS:
        raise BadData.of(
            where,
            "too many columns; is the delimiter right?",
            expected=f"at most {MOST_COLUMNS}",
            received=str(len(names)),
        )
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if not name:
            raise BadData.of(where, f"column {position} has no name")
        if name in seen:
            raise BadData.of(
                where, f"columns {seen[name]} and {position} have the same name", received=name
            )
        seen[name] = position


def check_rows(columns: Mapping[str, Sized], title: str) -> None:
    if not columns or not any(len(values) for values in columns.values()):
        raise BadData.of(title, "the dataset holds no examples")


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    if not any(cells) or any("_" in cell for cell in cells):  # Python reads 1_000 as a number
        return None
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None


def _texts(cells: Sequence[str]) -> NDArray[np.object_]:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values


def _describe(values: NDArray[Any], complete: bool) -> Column:
    if values.ndim > 1:
        return Column("array", values.shape[1:])
    kind = _kind(values)
    return Column(kind, classes=_classes(values) if complete and kind != "bytes" else None)


def _kind(values: NDArray[Any]) -> Literal["number", "text", "bytes"]:
    if values.dtype != object:
        return "number"
    return "bytes" if len(values) and isinstance(values[0], bytes) else "text"


def _classes(values: NDArray[Any]) -> tuple[str, ...] | None:
    found = examples.classes(examples.labels(values))
    return found if len(found) <= _MOST_CLASSES else None
