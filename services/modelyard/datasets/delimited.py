"""Reads CSV, with the line of every row, and says where it is not what it should be."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelyard.datasets import table
from modelyard.datasets.summary import Summary
from modelyard.datasets.tally import Cells, floats
from modelyard.errors import BadData, Violation
from modelyard.examples import Examples

if TYPE_CHECKING:
    from modelyard.datasets.csv import CSV

_LONGEST_LINE = 4 * 1024 * 1024
_BATCH_ROWS = 8192
_BATCH_LETTERS = 4 * 1024 * 1024

Row = tuple[int, list[str]]
"""A row and the line that it begins at; a quoted cell may hold line breaks."""


@dataclass(frozen=True)
class _Batch:
    """Some rows in a row, as columns."""

    lines: list[int]
    columns: list[tuple[str, ...]]


def summarise(dataset: "CSV", path: Path, title: str) -> Summary:
    """In one pass and bounded memory. Raises BadData naming file and line."""
    with _opened(dataset, path, title) as file:
        names, batches = _batches(dataset, file, title)
        table.check_kinds(dataset.kinds, names)
        tallies = [Cells(name, dataset.kinds.get(name)) for name in names]
        rows = 0
        for batch in batches:
            rows += len(batch.lines)
            for tally, cells in zip(tallies, batch.columns, strict=True):
                tally.add(cells, _where(title, batch.lines))
    return Summary(rows, {tally.name: tally.summary() for tally in tallies})


def read(dataset: "CSV", path: Path, title: str, found: Summary) -> Examples:
    """All rows; `found` says which columns hold numbers."""
    with _opened(dataset, path, title) as file:
        names, batches = _batches(dataset, file, title)
        return _examples(names, batches, title, [found.columns[name].kind for name in names])


def head(dataset: "CSV", path: Path, title: str, rows: int) -> Examples:
    """The first rows; columns hold numbers if these do."""
    with _opened(dataset, path, title) as file:
        names, batches = _batches(dataset, file, title, most=rows)
        kept = list(batches)
        kinds = [
            dataset.kinds.get(name) or table.kind(c for batch in kept for c in batch.columns[i])
            for i, name in enumerate(names)
        ]
        return _examples(names, kept, title, kinds)


def _examples(
    names: Sequence[str], batches: Iterable[_Batch], title: str, kinds: Sequence[str]
) -> Examples:
    lines: list[NDArray[np.int64]] = []
    parts: list[list[NDArray[Any]]] = [[] for _ in names]
    for batch in batches:
        lines.append(np.array(batch.lines, dtype=np.int64))
        for part, cells, kind in zip(parts, batch.columns, kinds, strict=True):
            part.append(_array(cells, kind))
    columns = {name: np.concatenate(part) for name, part in zip(names, parts, strict=True)}
    numbers = np.concatenate(lines)
    return Examples(columns, title, int(numbers[0]), numbers)


def _array(cells: Sequence[str], kind: str) -> NDArray[Any]:
    numbers = floats(cells) if kind == "number" else None
    return table.texts(cells) if numbers is None else numbers


def _batches(
    dataset: "CSV", file: IO[str], title: str, most: int | None = None
) -> tuple[Sequence[str], Iterator[_Batch]]:
    """The names of the columns, and the rows. Raises BadData, at the latest after the last row."""
    lines = _Lines(file, title)
    names, rows = _names(dataset, _rows(lines, dataset, title), title)
    return names, _columns(dataset, lines, islice(rows, most), len(names), title)


def _columns(
    dataset: "CSV", lines: "_Lines", rows: Iterator[Row], width: int, title: str
) -> Iterator[_Batch]:
    ragged = table.Misfits()
    is_empty = True
    for some in _grouped(lines, rows):
        kept = [(line, cells) for line, cells in some if len(cells) == width]
        ragged.add(_ragged(some, width, title) if len(kept) < len(some) else ())
        if kept:
            is_empty = False
            columns = zip(*(cells for _, cells in kept), strict=True)
            clean = [_cells(column, dataset.missing) for column in columns]
            yield _Batch([line for line, _ in kept], clean)
    ragged.refuse()
    table.check_rows({"row": () if is_empty else (1,)}, title)


def _grouped(lines: "_Lines", rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Enough rows at a time to be quick, and few enough to be small."""
    some: list[Row] = []
    begun = lines.letters
    for row in rows:
        some.append(row)
        if len(some) >= _BATCH_ROWS or lines.letters - begun >= _BATCH_LETTERS:
            yield some
            some, begun = [], lines.letters
    if some:
        yield some


class _Lines:
    """The lines of a file, none too long and none binary, and how much was read of it."""

    def __init__(self, file: IO[str], title: str) -> None:
        self._file = file
        self._title = title
        self.letters = 0

    def __iter__(self) -> Iterator[str]:
        number = 0
        while line := self._file.readline(_LONGEST_LINE + 1):
            number += 1
            self.letters += len(line)
            if "\0" in line:
                raise BadData.of(
                    f"{self._title}:{number}", "holds a NUL byte; is this a text file?"
                )
            if len(line) > _LONGEST_LINE:
                raise BadData.of(
                    f"{self._title}:{number}",
                    "the line is too long; is this a text file?",
                    expected=f"at most {_LONGEST_LINE} letters",
                )
            yield line


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
    table.check_width(len(cells), f"{title}:{line}")
    names = list(dataset.columns or (f"column{i}" for i in range(1, len(cells) + 1)))
    return names, _chain(first, rows)


def _chain(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _rows(lines: Iterable[str], dataset: "CSV", title: str) -> Iterator[Row]:
    """Empty lines are left out."""
    reader = csv.reader(lines, delimiter=dataset.delimiter_character, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadData.of(f"{title}:{line}", f"not valid CSV: {error}") from None


def _ragged(rows: Iterable[Row], width: int, title: str) -> Iterator[Violation]:
    return (
        Violation(f"{title}:{line}", "has another number of cells", str(width), str(len(cells)))
        for line, cells in rows
        if len(cells) != width
    )


def _cells(cells: tuple[str, ...], missing: Sequence[str]) -> tuple[str, ...]:
    """Without the marks of missing values and cells of nothing but spaces."""
    # Without a loop of our own: nearly all columns pass here unchanged.
    if set(missing).isdisjoint(cells) and not any(map(str.isspace, cells)):
        return cells
    return tuple("" if cell in missing or cell.isspace() else cell for cell in cells)


def _where(title: str, lines: Sequence[int]) -> Callable[[int], str]:
    return lambda row: f"{title}:{lines[row]}"


@contextmanager
def _opened(dataset: "CSV", path: Path, title: str) -> Iterator[IO[str]]:
    with open(path, encoding=_codec(dataset), newline="") as file:
        try:
            yield file
        except UnicodeError:
            raise _not_text(dataset, path, title) from None


def _codec(dataset: "CSV") -> str:
    # Spreadsheets put a byte order mark in front, which would become part of the first name.
    return "utf-8-sig" if dataset.encoding == "utf-8" else dataset.encoding


def _not_text(dataset: "CSV", path: Path, title: str) -> BadData:
    """The error for the first line that is not in the encoding."""
    where = f"{title}:{_first_undecodable(path)}" if dataset.encoding == "utf-8" else title
    return BadData.of(where, f"is not {dataset.encoding} text", expected=dataset.encoding)


def _first_undecodable(path: Path) -> int:
    with open(path, "rb") as file:
        lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
        for number, line in enumerate(lines, start=1):
            try:
                line.decode("utf-8")
            except UnicodeError:
                return number
    return 1
