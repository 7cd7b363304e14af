"""Reads JSON lines, and says where they are not what they should be."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.datasets import table
from modelyard.errors import BadData, Violation
from modelyard.examples import Examples, Schema

_LONGEST_LINE = 16 * 1024 * 1024

Row = tuple[int, dict[str, Any]]
"""An object and its line."""


def read(path: Path, title: str, *, most: int | None = None) -> Examples:
    """All rows, or the first `most`. Raises BadData naming file and line."""
    rows = list(islice(_rows(path, title), most))
    table.check_rows({"row": rows}, title)
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    table.check_names(names, title)
    columns = {name: _column(rows, name, title) for name in names}
    lines = np.array([line for line, _ in rows], dtype=np.int64)
    return Examples(columns, title, int(lines[0]), lines)


def schema(path: Path, title: str) -> Schema:
    complete = table.is_small(path)
    found = read(path, title, most=None if complete else table.FIRST_ROWS)
    return table.schema(found, complete=complete)


def _rows(path: Path, title: str) -> Iterator[Row]:
    with open(path, "rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE + 1), b""), start=1):
            if line.strip():
                yield number, _object(line, f"{title}:{number}")


def _object(line: bytes, where: str) -> dict[str, Any]:
    if len(line) > _LONGEST_LINE:
        raise BadData.of(where, "the line is too long", expected=f"at most {_LONGEST_LINE} bytes")
    try:
        value = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadData.of(where, f"is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadData.of(where, "is not an object", expected='{"column": value, …}')
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON; a missing value is null")


def _column(rows: list[Row], name: str, title: str) -> NDArray[Any]:
    """Numbers if all values are; a row without the name has no value."""
    cells = [row.get(name) for _, row in rows]
    kinds = {_kind(cell) for cell in cells if cell is not None}
    if not kinds <= {"number"} and not kinds <= {"text"}:
        BadData.refuse(_misfits(rows, name, title))
    if kinds == {"number"}:
        return np.array([np.nan if cell is None else _float(cell) for cell in cells])
    values = np.empty(len(cells), dtype=object)
    values[:] = ["" if cell is None else _text(cell) for cell in cells]
    return values


def _misfits(rows: list[Row], name: str, title: str) -> Iterator[Violation]:
    """The cells that are no plain values, or not of the kind that the column's first value is of."""
    wanted = next(_kind(row[name]) for _, row in rows if row.get(name) is not None)
    wanted = wanted if wanted in ("number", "text") else "number or text"
    for line, row in rows:
        cell = row.get(name)
        if cell is not None and _kind(cell) != wanted:
            yield Violation(
                f"{title}:{line}", f"column {name!r} holds different things", wanted, _kind(cell)
            )


def _kind(cell: Any) -> str:
    if isinstance(cell, bool | str):
        return "text"
    return "number" if isinstance(cell, int | float) else type(cell).__name__


def _float(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError:  # a whole number of more than 308 digits
        return np.inf if cell > 0 else -np.inf


def _text(cell: str | bool) -> str:
    return cell if isinstance(cell, str) else str(cell).lower()
