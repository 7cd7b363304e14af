"""Reads JSON lines, and says where they are not what they should be."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelyard.datasets import table
from modelyard.datasets.summary import Summary
from modelyard.datasets.tally import Kind
from modelyard.datasets.values import Cell, Plain, number, text
from modelyard.errors import BadData
from modelyard.examples import Examples

if TYPE_CHECKING:
    from modelyard.datasets.jsonl import JSONL

_LONGEST_LINE = 16 * 1024 * 1024
_BATCH_ROWS = 4096
_BATCH_BYTES = 4 * 1024 * 1024

Row = tuple[int, int, dict[str, Any]]
"""The line of an object, its length in bytes, and the object."""


def summarise(dataset: "JSONL", path: Path, title: str) -> Summary:
    """In one pass and bounded memory. Raises BadData naming file and line."""
    tallies: dict[str, Plain] = {}
    misfits = table.Misfits()
    rows = 0
    for batch in _grouped(_rows(path, title)):
        for name, cells in _by_name(batch).items():
            if name not in tallies:
                tallies[name] = Plain(name, dataset.kinds.get(name))
                table.check_width(len(tallies), title)
            misfits.add(tallies[name].add(cells, title))
        rows += len(batch)
    misfits.refuse()
    table.check_cells(rows, len(tallies), title)
    table.check_names(list(tallies), title)
    table.check_kinds(dataset.kinds, tallies)
    return Summary(rows, {name: tally.summary(rows) for name, tally in tallies.items()})


def _by_name(batch: list[Row]) -> dict[str, list[Cell]]:
    """The values that are there; what is not costs nothing, however many names and rows there are."""
    found: dict[str, list[Cell]] = {}
    for line, _, row in batch:
        for name, value in row.items():
            found.setdefault(name, []).append((line, value))
    return found


def read(path: Path, title: str, found: Summary) -> Examples:
    """All rows; `found` says which columns there are and which of them hold numbers."""
    kinds = {name: _kind(column.kind) for name, column in found.columns.items()}
    return _examples(_grouped(_rows(path, title)), title, kinds)


def head(dataset: "JSONL", path: Path, title: str, rows: int) -> Examples:
    """The first rows; a column holds numbers if all of these do."""
    kept = list(islice(_rows(path, title), rows))
    table.check_rows({"row": kept}, title)
    names = dict.fromkeys(name for _, _, row in kept for name in row)
    kinds: dict[str, Kind] = {
        name: dataset.kinds.get(name) or _kind_of(row.get(name) for _, _, row in kept)
        for name in names
    }
    return _examples([kept], title, kinds)


def _examples(batches: Iterable[list[Row]], title: str, kinds: dict[str, Kind]) -> Examples:
    lines: list[int] = []
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in kinds}
    for batch in batches:
        lines += [line for line, _, _ in batch]
        for name, part in parts.items():
            part.append(_column([row.get(name) for _, _, row in batch], kinds[name]))
    columns = {name: np.concatenate(part) for name, part in parts.items()}
    return Examples(columns, title, lines[0], np.array(lines, dtype=np.int64))


def _column(cells: Sequence[Any], of: Kind) -> NDArray[Any]:
    convert = number if of == "number" else text
    return table.column([None if cell is None else convert(cell) for cell in cells], of)


def _kind_of(cells: Iterable[Any]) -> Kind:
    known = [cell for cell in cells if cell is not None]
    is_number = known and all(_is_number(cell) for cell in known)
    return "number" if is_number else "text"


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _kind(kind: str) -> Kind:
    return "number" if kind == "number" else "text"


def _grouped(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Enough rows at a time to be quick, and few enough to be small."""
    some: list[Row] = []
    size = 0
    for row in rows:
        some.append(row)
        size += row[1]
        if len(some) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _rows(path: Path, title: str) -> Iterator[Row]:
    with open(path, "rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE + 1), b""), start=1):
            if line.strip():
                yield number, len(line), _object(line, f"{title}:{number}")


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
