"""Whether there is room on the disk, asked before it is needed."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelyard.errors import ResourceExhausted

_FULL = {errno.ENOSPC, errno.EDQUOT}


def check(folder: Path, needed: int, reserve: int) -> None:
    """Raises ResourceExhausted unless `reserve` bytes stay free after `needed` more are written."""
    free = shutil.disk_usage(folder).free
    if free - needed < reserve:
        raise ResourceExhausted(
            f"{needed} more bytes do not fit: {free} are free, and {reserve} of them stay free",
            reason="NO_SPACE",
        )


@contextmanager
def explained() -> Iterator[None]:
    """Turns the disk's "full" into an error that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceExhausted("the disk is full", reason="NO_SPACE") from None
        raise
