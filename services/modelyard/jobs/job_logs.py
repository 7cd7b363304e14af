"""What the trainers of a job wrote, attempt by attempt, read by byte offset so that a reader can go on anywhere.

<work>/<job>/attempt-<n>.log
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 64 * 1024
LONGEST_LINE = 1024 * 1024
"""Bytes; of a longer line come pieces of this size, each but the last marked as partial."""
_FILE = re.compile(r"attempt-([0-9]{1,15})\.log")
_ID = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")


@dataclass(frozen=True)
class Place:
    """Between two lines: `offset` bytes of the attempt's log were read."""

    attempt: int = 0
    offset: int = 0

    @classmethod
    def of(cls, text: str) -> "Place":
        """The Last-Event-ID of a reader; the beginning if it is none of ours."""
        found = _ID.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else cls()

    def __str__(self) -> str:
        return f"{self.attempt}-{self.offset}"


@dataclass(frozen=True)
class Line:
    after: Place
    """Where to go on."""
    text: str
    partial: bool = False
    """The line goes on in the next one."""


class JobLogs:
    """Blocks on the disk, never on anything else; at most LONGEST_LINE bytes are held."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def read(self, job: str, place: Place, *, whole: bool) -> list[Line]:
        """Some lines after a place; none if nothing more is there now.

        A last line without an end is held back, unless `whole` says that no more will be written.
        """
        files = self._files(job)
        for attempt in sorted(n for n in files if n >= place.attempt):
            offset = place.offset if attempt == place.attempt else 0
            # A later attempt began, so this one has ended.
            lines = _lines(files[attempt], Place(attempt, offset), whole or attempt < max(files))
            if lines:
                return lines
        return []

    def text(self, job: str) -> Iterator[str]:
        """All that is there now, in pieces."""
        for _, file in sorted(self._files(job).items()):
            decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
            with open(file, "rb") as log:
                left = file.stat().st_size  # and no further: it may grow faster than it is read
                while left > 0 and (data := log.read(min(CHUNK, left))):
                    left -= len(data)
                    yield decoder.decode(data)
            yield decoder.decode(b"", final=True)

    def _files(self, job: str) -> dict[int, Path]:
        folder = self._work / job
        if not folder.is_dir():
            return {}
        named = ((_FILE.fullmatch(file.name), file) for file in folder.iterdir())
        return {int(name[1]): file for name, file in named if name}


def _lines(file: Path, place: Place, whole: bool) -> list[Line]:
    with open(file, "rb") as log:
        log.seek(place.offset)
        data = log.read(CHUNK)
        if b"\n" not in data and len(data) == CHUNK:
            data += log.read(LONGEST_LINE - CHUNK)
    end = data.rfind(b"\n") + 1
    if end:
        return list(_split(data[:end], place))
    if len(data) == LONGEST_LINE:
        piece = _cut_between_characters(data)
        return [Line(_ahead(place, len(piece)), _text(piece), partial=True)]
    return [Line(_ahead(place, len(data)), _text(data))] if data and whole else []


def _split(data: bytes, place: Place) -> Iterator[Line]:
    # At newlines alone: a carriage return, as progress bars write it, ends no line.
    for line in data[:-1].split(b"\n"):
        place = _ahead(place, len(line) + 1)
        yield Line(place, _text(line))


def _ahead(place: Place, size: int) -> Place:
    return Place(place.attempt, place.offset + size)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r\n")


def _cut_between_characters(data: bytes) -> bytes:
    """Without the beginning of a UTF-8 character whose rest is yet to come."""
    for back in range(1, 4):
        if data[-back] >= 0xC0:
            return data[:-back]
        if data[-back] < 0x80:
            break
    return data
