"""Reads CSV, with the line of every row, and says where it is not what it should be."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modelyard.datasets import table
from modelyard.errors import BadData, Violation
from modelyard.examples import Examples, Schema

if TYPE_CHECKING:
    from modelyard.datasets.csv import CSV

Row = tuple[int, list[str]]
"""A row and the line that it begins at; a quoted cell may hold line breaks."""


def read(dataset: "CSV", path: Path, title: str, *, most: int | None = None) -> Examples:
    """All rows, or the first `most`. Raises BadData naming file and line."""
    with open(path, encoding=_codec(dataset), newline="") as file:
        try:
            return _examples(dataset, _rows(file, dataset, title), title, most)
        except UnicodeError:
            raise _not_text(dataset, path, title) from None


def schema(dataset: "CSV", path: Path, title: str) -> Schema:
    complete = table.is_small(path)
    found = read(dataset, path, title, most=None if complete else table.FIRST_ROWS)
    return table.schema(found, complete=complete)


def _examples(dataset: "CSV", rows: Iterator[Row], title: str, most: int | None) -> Examples:
    names, rows = _names(dataset, rows, title)
    kept = list(islice(rows, most))
    BadData.refuse(_ragged(kept, len(names), title))
    table.check_rows({"row": kept}, title)
    columns = {
        name: table.column([_cell(cells[i], dataset.missing) for _, cells in kept])
        for i, name in enumerate(names)
    }
    lines = np.array([line for line, _ in kept], dtype=np.int64)
    return Examples(columns, title, int(lines[0]), lines)


def _names(dataset: "CSV", rows: Iterator[Row], title: str) -> tuple[Sequence[str], Iterator[Row]]:
    """The names of the columns, and the rows that are left."""
    first = next(rows, None)
    if first is None:
        raise BadData.of(title, "the file is empty")
    line, cells = first
    if dataset.header:
        names = [cell.strip() for cell in cells]
        table.check_names(names, f"{title}:{line}")
        return names, rows
    names = list(dataset.columns or (f"column{i}" for i in range(1, len(cells) + 1)))
    return names, _chain(first, rows)


def _chain(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _rows(file: Iterable[str], dataset: "CSV", title: str) -> Iterator[Row]:
    """Empty lines are left out."""
    reader = csv.reader(
        _without_nul(file, title), delimiter=dataset.delimiter_character, strict=True
    )
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadData.of(f"{title}:{line}", f"not valid CSV: {error}") from None


def _without_nul(file: Iterable[str], title: str) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if "\0" in line:
            raise BadData.of(f"{title}:{number}", "holds a NUL byte; is this a text file?")
        yield line


def _ragged(rows: Iterable[Row], width: int, title: str) -> Iterator[Violation]:
    return (
        Violation(f"{title}:{line}", "has another number of cells", str(width), str(len(cells)))
        for line, cells in rows
        if len(cells) != width
    )


def _cell(cell: str, missing: Sequence[str]) -> str:
    return "" if cell in missing or cell.isspace() else cell


def _codec(dataset: "CSV") -> str:
    # Spreadsheets put a byte order mark in front, which would become part of the first name.
    return "utf-8-sig" if dataset.encoding == "utf-8" else dataset.encoding


def _not_text(dataset: "CSV", path: Path, title: str) -> BadData:
    """The error for the first line that is not in the encoding."""
    where = f"{title}:{_first_undecodable(path)}" if dataset.encoding == "utf-8" else title
    return BadData.of(where, f"is not {dataset.encoding} text", expected=dataset.encoding)


def _first_undecodable(path: Path) -> int:
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeError:
                return number
    return 1
