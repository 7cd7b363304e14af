"""Where answers go: a CSV, TSV or JSON Lines file that is there as a whole or not at all, or JSON Lines on stdout."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, Protocol

from modelyard.errors import InvalidRequest

Line = Mapping[str, Any]


class Table(Protocol):
    def write(self, line: Line) -> None: ...


class JsonLines:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, line: Line) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Delimited:
    """The first line decides the columns; a value that is no plain one is written as JSON."""

    def __init__(self, file: IO[str], delimiter: str) -> None:
        self._file = file
        self._delimiter = delimiter
        self._writer: csv.DictWriter[str] | None = None

    def write(self, line: Line) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(
                self._file, list(line), extrasaction="ignore", delimiter=self._delimiter
            )
            self._writer.writeheader()
        self._writer.writerow({name: _cell(value) for name, value in line.items()})


@contextmanager
def open_table(path: Path | None) -> Iterator[Table]:
    """Raises InvalidRequest for a file whose name tells no format. On an error what was there stays as it was."""
    if path is None:
        yield JsonLines(sys.stdout)
        return
    form = path.suffix.lower()
    if form not in (".csv", ".tsv", ".jsonl", ".ndjson"):
        raise InvalidRequest.of(
            "--output", "tells no format", expected=".csv, .tsv or .jsonl", received=path.name
        )
    with _replacing(path) as file:
        if form in (".csv", ".tsv"):
            yield Delimited(file, "," if form == ".csv" else "\t")
        else:
            yield JsonLines(file)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    try:
        staged = NamedTemporaryFile(  # noqa: SIM115 - closed below, before it takes its name
            "w",
            dir=path.parent,
            prefix=f".{path.name}.",
            delete=False,
            newline="",
            encoding="utf-8",
        )
    except OSError as error:
        raise InvalidRequest(f"cannot write to {path.parent}: {error}") from error
    name = Path(staged.name)
    try:
        with staged:
            yield staged.file
        name.chmod(0o644)
        name.replace(path)
    finally:
        with suppress(FileNotFoundError):
            name.unlink()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
