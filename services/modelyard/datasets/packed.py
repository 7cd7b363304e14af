"""Opens zip archives without trusting them: what they unpack to is checked before anything is."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelyard.errors import BadData

MOST_BYTES = 16 * 1024**3
"""Of all files together, unpacked."""
MOST_FILES = 2_000_000
_SUSPICIOUS = 256 * 1024**2
_MOST_RATIO = 200
"""How much smaller than its content an archive above `_SUSPICIOUS` bytes may be."""


@contextmanager
def opened(path: Path, title: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path, title)
            yield archive
    # RuntimeError: encrypted; NotImplementedError: a compression that this Python does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise BadData.of(title, f"is no readable archive: {error}") from None


def _check_sizes(archive: zipfile.ZipFile, path: Path, title: str) -> None:
    members = archive.infolist()
    if not members:
        raise BadData.of(title, "the archive is empty")
    if len(members) > MOST_FILES:
        raise BadData.of(
            title, "too many files", expected=f"at most {MOST_FILES}", received=str(len(members))
        )
    size = sum(member.file_size for member in members)
    if size > MOST_BYTES:
        raise BadData.of(
            title, "unpacks to too much", expected=f"at most {MOST_BYTES} bytes", received=str(size)
        )
    if size > _SUSPICIOUS and size > _MOST_RATIO * path.stat().st_size:
        raise BadData.of(
            title,
            "unpacks to far more than it is",
            expected=f"at most {_MOST_RATIO} times its size",
            received=f"{size // path.stat().st_size} times",
        )
