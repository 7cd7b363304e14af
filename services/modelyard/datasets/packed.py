"""Opens zip archives without trusting them: what they unpack to is checked before anything is."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelyard.datasets import member_names
from modelyard.datasets.member_names import UNSAFE
from modelyard.datasets.unpacking import MOST_FILES, check_size
from modelyard.errors import BadData

_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_END_BYTES = 22
_END64_BYTES = 56
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 65_535
_LARGEST_DIRECTORY = 128 * 1024 * 1024
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@contextmanager
def opened(path: Path, title: str) -> Iterator[zipfile.ZipFile]:
    """Raises BadData; its reason is UNSAFE_ARCHIVE or UNPACKS_TO_TOO_MUCH for one that does harm."""
    _check_directory(path, title)
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, path, title)
            yield archive
    # RuntimeError: encrypted; NotImplementedError: a compression that this Python does not know;
    # ValueError: dates and offsets that cannot be.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise BadData.of(title, f"is no readable archive: {error}") from None


def _check_directory(path: Path, title: str) -> None:
    """The directory is read into memory as a whole, so its size is looked at first."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT))
        tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise BadData.of(title, "is no readable archive: its end is missing")
    count, length = struct.unpack_from("<HI", tail, place + 10)
    wide = place - _LOCATOR_BYTES - _END64_BYTES
    if wide >= 0 and tail[wide : wide + 4] == _END64:
        count, length = struct.unpack_from("<QQ", tail, wide + 32)
    if count > MOST_FILES or length > _LARGEST_DIRECTORY:
        raise BadData.of(
            title,
            "holds too many files",
            expected=f"at most {MOST_FILES} files",
            received=f"{count} files in a directory of {length} bytes",
            reason="UNPACKS_TO_TOO_MUCH",
        )


def _check(archive: zipfile.ZipFile, path: Path, title: str) -> None:
    members = archive.infolist()
    if not members:
        raise BadData.of(title, "the archive is empty")
    for member in members:
        member_names.check(member.filename, title)
        _check_plain(member, title)
    member_names.check_once((m.filename for m in members if not m.is_dir()), title)
    check_size(sum(m.file_size for m in members), path.stat().st_size, title)
    _check_overlap(members, path, title)


def _check_plain(member: zipfile.ZipInfo, title: str) -> None:
    where, mode = f"{title}/{member.filename}", member.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if member.create_system == 3 and kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadData.of(where, "is a link or a device", expected="a plain file", reason=UNSAFE)
    if member.flag_bits & 0x1:
        raise BadData.of(where, "is encrypted", expected="a plain file")
    if member.compress_type not in _METHODS:
        raise BadData.of(
            where,
            "has a compression that is not accepted",
            expected="stored or deflated",
            received=str(member.compress_type),
        )


def _check_overlap(members: Sequence[zipfile.ZipInfo], path: Path, title: str) -> None:
    """Files that share their bytes: how a small archive unpacks to petabytes."""
    end = path.stat().st_size
    for member in sorted(members, key=lambda m: m.header_offset, reverse=True):
        if member.header_offset + 30 + member.compress_size > end:
            raise BadData.of(
                f"{title}/{member.filename}",
                "shares its bytes with another file, or goes beyond the archive",
                expected="bytes of its own",
                reason=UNSAFE,
            )
        end = member.header_offset
