"""Ties a process to the one that started it, and turns SIGTERM into a question that the work asks itself."""

import ctypes
import os
import signal
import sys
from types import FrameType

GONE = 75
"""The exit code of a process whose worker is gone: `Exit.AGAIN`, without the import of all requests."""

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


class Stopped(Exception):
    """SIGTERM came, and the work has come to a point from which another attempt can go on."""


class StopSignal:
    """Work calls `check` where it may stop; a handler that raised could tear a rename in two."""

    def __init__(self) -> None:
        self.is_set = False

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._note)

    def check(self) -> None:
        if self.is_set:
            raise Stopped

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_set = True


def die_with_parent(parent: int) -> None:
    """SIGKILL for this process as soon as `parent` dies. On Linux; elsewhere a closed pipe must do.

    The kernel watches the thread that started us, not the process: it must live as long as we shall.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(GONE)
