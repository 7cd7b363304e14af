"""What a file holds, as rows to ask about: CSV, TSV, JSON Lines, text, or a folder of images.

A row that cannot be read is a BadRow, and the next one is read.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from modelyard.errors import InvalidRequest

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif"})
_MISSING = frozenset({"", "NA", "NaN", "nan"})
_LONGEST_CELL = 2**24


@dataclass(frozen=True)
class Row:
    where: str
    """`orders.csv:17`, or the name of an image."""
    shown: Mapping[str, Any]
    """What the output repeats of it."""
    value: Any
    """What the model is asked."""
    done: int
    """Bytes of the file, or images of the folder, up to its end."""


@dataclass(frozen=True)
class BadRow:
    where: str
    message: str


Read = Iterator[Row | BadRow]


class Unusable(ValueError):
    """Of one row; the message says what was expected and what came."""


@dataclass(frozen=True)
class Wanted:
    """What a model is asked with, of all that a row may hold."""

    task: str
    columns: Mapping[str, str]
    """Of a table: `number` or `text` by the column's name; empty if that is not known."""
    text: str = "text"
    """The column of the text."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Wanted":
        task, serving = manifest.get("task") or {}, manifest.get("serving") or {}
        columns = serving.get("columns")
        return cls(
            str(task.get("type", "")),
            columns if isinstance(columns, dict) else {},
            str(task.get("text") or "text"),
        )


def total(path: Path) -> int:
    """In the unit of `Row.done`."""
    return len(_images(path)) if path.is_dir() else path.stat().st_size


def read(path: Path, wanted: Wanted) -> Read:
    """Raises InvalidRequest if the file as a whole is not what the model's task reads."""
    if wanted.task == "image_classification":
        if not path.is_dir():
            raise _unreadable(path, "a folder of images")
        return _read_images(path)
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".jsonl": _read_lines, ".ndjson": _read_lines}
    if wanted.task == "text_classification":
        readers[".txt"] = _read_texts
    if wanted.task == "forecasting":
        readers = {".jsonl": _read_lines, ".ndjson": _read_lines}
    reader = readers.get(path.suffix.lower())
    if reader is None or not path.is_file():
        raise _unreadable(path, f"a file that ends in {', '.join(readers)}")
    return reader(path, _VALUE[wanted.task], wanted)


Value = Callable[[Any, Wanted], Any]


def _text_of(row: Any, wanted: Wanted) -> str:
    if isinstance(row, Mapping):
        if wanted.text not in row and len(row) != 1:
            raise Unusable(f"there is no column {wanted.text!r}, only {', '.join(map(str, row))}")
        row = row[wanted.text] if wanted.text in row else next(iter(row.values()))
    if not isinstance(row, str):
        raise Unusable(f"expected a text, received {row!r:.60}")
    return row


def _columns_of(row: Any, wanted: Wanted) -> dict[str, Any]:
    """Those that the model was trained on; what else a row holds, such as the answer, is not asked."""
    if not isinstance(row, Mapping):
        raise Unusable(f"expected an object that maps columns to values, received {row!r:.60}")
    if not wanted.columns:
        return {name: _guessed(cell) for name, cell in row.items()}
    return {
        name: _cell(row[name], name, kind) for name, kind in wanted.columns.items() if name in row
    }


def _series_of(row: Any, wanted: Wanted) -> dict[str, Any]:
    history = row.get("history") if isinstance(row, Mapping) else row
    if not isinstance(history, list):
        raise Unusable(f'expected [112, 118, …] or {{"history": […]}}, received {row!r:.60}')
    covariates = row.get("covariates") if isinstance(row, Mapping) else None
    return {"history": history, "covariates": covariates or {}}


_VALUE: Mapping[str, Value] = {
    "text_classification": _text_of,
    "tabular_classification": _columns_of,
    "tabular_regression": _columns_of,
    "forecasting": _series_of,
}


def _cell(cell: Any, name: str, kind: str) -> Any:
    if cell is None or (isinstance(cell, str) and cell.strip() in _MISSING):
        return None
    if kind != "number":
        return cell if isinstance(cell, str) else json.dumps(cell)
    try:
        return float(cell)
    except (TypeError, ValueError) as error:
        raise Unusable(f"{name}: expected a number, received {cell!r:.60}") from error


def _guessed(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    if cell.strip() in _MISSING:
        return None
    try:
        return float(cell)
    except ValueError:
        return cell


@contextmanager
def _long_cells() -> Iterator[None]:
    """The limit is the whole process's, and others rely on theirs."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_csv(path: Path, value: Value, wanted: Wanted) -> Read:
    with _long_cells(), path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = _Counted(file)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        header = next(rows, None)
        if not header:
            raise _unreadable(path, "a header with the names of the columns")
        while True:
            began = lines.number + 1
            try:
                cells = next(rows, None)
            except csv.Error as error:
                yield BadRow(f"{path.name}:{began}", f"is no row: {error}")
                rows = csv.reader(lines, delimiter=delimiter, strict=True)
                continue
            if cells is None:
                return
            if cells:
                yield _csv_row(f"{path.name}:{began}", header, cells, lines.bytes, value, wanted)


def _csv_row(
    where: str, header: Sequence[str], cells: Sequence[str], done: int, value: Value, wanted: Wanted
) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(where, f"expected {len(header)} columns, received {len(cells)}")
    shown = dict(zip(header, cells, strict=True))
    return _row(where, shown, shown, done, value, wanted)


def _read_lines(path: Path, value: Value, wanted: Wanted) -> Read:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = _Counted(file)
        for line in lines:
            if not line.strip():
                continue
            where = f"{path.name}:{lines.number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield BadRow(where, f"is not JSON: {error}")
                continue
            shown = row if isinstance(row, dict) else {"input": row}
            yield _row(where, shown, row, lines.bytes, value, wanted)


def _read_texts(path: Path, value: Value, wanted: Wanted) -> Read:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = _Counted(file)
        for line in lines:
            if text := line.rstrip("\n"):
                where = f"{path.name}:{lines.number}"
                yield _row(where, {wanted.text: text}, text, lines.bytes, value, wanted)


def _read_images(folder: Path) -> Read:
    for number, path in enumerate(_images(folder), start=1):
        name = path.relative_to(folder).as_posix()
        yield Row(name, {"file": name}, path, number)


def _images(folder: Path) -> list[Path]:
    files = folder.rglob("*")
    return sorted(file for file in files if file.suffix.lower() in IMAGES and file.is_file())


def _row(
    where: str, shown: Mapping[str, Any], row: Any, done: int, value: Value, wanted: Wanted
) -> Row | BadRow:
    try:
        return Row(where, shown, value(row, wanted), done)
    except Unusable as error:
        return BadRow(where, str(error))


class _Counted:
    """The lines of a file, counting them and their bytes."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0
        self.bytes = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.number += 1
        self.bytes += len(line.encode("utf-8", "replace"))
        return line


def _unreadable(path: Path, expected: str) -> InvalidRequest:
    what = "a folder" if path.is_dir() else path.name if path.exists() else "nothing"
    return InvalidRequest.of(
        "--input",
        f"{path} is nothing that this model could score",
        expected=expected,
        received=what,
    )
