"""Reads tar archives, plain or gzipped, from front to back without trusting them.

The standard library's reader follows sparse maps, reads extended headers of any size into memory, and goes
back in the stream; none of this is wanted from a file that a stranger made.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from modelyard.datasets import member_names
from modelyard.datasets.member_names import UNSAFE
from modelyard.datasets.unpacking import MOST_BYTES, MOST_FILES, check_size
from modelyard.errors import BadData

_BLOCK = 512
_LONGEST_HEADER = 64 * 1024
"""Of an extended header, which holds a long name."""
_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Member:
    """A plain file. Its content, if it is wanted, is read before the next one is asked for."""

    name: str
    size: int
    _stream: "_Stream"

    def read(self) -> bytes:
        return self._stream.take(self.size)


def members(path: Path, title: str) -> Iterator[Member]:
    """The plain files, in the order of the archive. Raises BadData for links, devices and whatever else."""
    try:
        with _opened(path) as file:
            yield from _members(_Stream(file, path.stat().st_size, title), title)
    except (OSError, EOFError, zlib.error) as error:
        raise BadData.of(title, f"is no readable archive: {error}") from None


def _opened(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if is_packed else open(path, "rb")  # type: ignore[return-value]  # GzipFile is one


def _members(stream: "_Stream", title: str) -> Iterator[Member]:
    extended: Mapping[str, str] = {}
    count = 0
    while (info := _header(stream, title)) is not None:
        count += 1
        if count > MOST_FILES:
            raise BadData.of(
                title,
                "holds too many files",
                expected=f"at most {MOST_FILES}",
                reason="UNPACKS_TO_TOO_MUCH",
            )
        size = _size(info, extended, title)
        begin = stream.position
        if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            extended = _extended(stream.take_header(size), title)
        elif info.type == tarfile.GNUTYPE_LONGNAME:
            extended = {"path": stream.take_header(size).rstrip(b"\0").decode(errors="replace")}
        elif info.type not in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK):
            name = extended.get("path", info.name)
            extended = {}
            member_names.check(name, title)
            _check_plain(info, name, title)
            if info.isreg():
                yield Member(name, size, stream)
        stream.skip_to(begin + size + -size % _BLOCK)


def _header(stream: "_Stream", title: str) -> tarfile.TarInfo | None:
    """None at the end."""
    block = stream.take(_BLOCK)
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the stubs leave it out
        return None
    except (tarfile.HeaderError, ValueError) as error:
        raise BadData.of(title, f"is no readable archive: {error}") from None


def _size(info: tarfile.TarInfo, extended: Mapping[str, str], title: str) -> int:
    text = extended.get("size", "")
    size = int(text) if text.isdecimal() and len(text) < 20 else info.size
    if not 0 <= size <= MOST_BYTES:
        raise BadData.of(
            f"{title}/{info.name}",
            "has a size that cannot be",
            expected=f"at most {MOST_BYTES} bytes",
            received=str(size),
            reason="UNPACKS_TO_TOO_MUCH",
        )
    return size


def _extended(header: bytes, title: str) -> dict[str, str]:
    """The records of a pax header: `<length> <key>=<value>` and a line break, each."""
    found: dict[str, str] = {}
    while header.strip(b"\0"):
        length, space, _ = header.partition(b" ")
        if not (space and length.isdigit() and len(length) < 8 and 0 < int(length) <= len(header)):
            raise BadData.of(title, "is no readable archive: an extended header is damaged")
        record, header = header[len(length) + 1 : int(length) - 1], header[int(length) :]
        key, _, value = record.partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise BadData.of(title, "holds a sparse file", expected="plain files", reason=UNSAFE)
        found[key.decode(errors="replace")] = value.decode(errors="replace")
    return found


def _check_plain(info: tarfile.TarInfo, name: str, title: str) -> None:
    if info.isreg() and info.type != tarfile.GNUTYPE_SPARSE:
        return
    if not info.isdir():
        raise BadData.of(
            f"{title}/{name}", "is a link or a device", expected="a plain file", reason=UNSAFE
        )


class _Stream:
    """Bytes that are only read forward, and counted."""

    def __init__(self, file: IO[bytes], packed: int, title: str) -> None:
        self._file = file
        self._packed = packed
        self._title = title
        self.position = 0

    def take(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._file.read(min(size, _PIECE))
            if not part:
                raise BadData.of(self._title, "is no readable archive: it ends within a file")
            parts.append(part)
            size -= len(part)
            self.position += len(part)
            check_size(self.position, self._packed, self._title)
        return b"".join(parts)

    def take_header(self, size: int) -> bytes:
        if size > _LONGEST_HEADER:
            raise BadData.of(
                self._title,
                "has an extended header that is too long",
                expected=f"at most {_LONGEST_HEADER} bytes",
                received=str(size),
                reason=UNSAFE,
            )
        return self.take(size)

    def skip_to(self, position: int) -> None:
        while self.position < position:
            self.take(min(position - self.position, _PIECE))
