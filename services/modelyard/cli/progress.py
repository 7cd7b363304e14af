"""How far something long has come, on stderr: a bar at a terminal, now and then a line anywhere else."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from modelyard.cli.output import bar, console, is_terminal, printable, say

if TYPE_CHECKING:
    from rich.status import Status
    from rich.text import Text

_LINE_SECONDS = 5.0
_FRAME_SECONDS = 0.1


class Progress:
    """A context manager; the terminal is as it was afterwards, whatever happened."""

    def __init__(self, title: str, *, unit: str, quiet: bool = False) -> None:
        self._title = printable(title)
        self._unit = unit
        self._quiet = quiet
        self._status: Status | None = None
        self._began = self._told = time.monotonic()

    def reach(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._quiet or now - self._told < (_FRAME_SECONDS if self._status else _LINE_SECONDS):
            return
        self._told = now
        line = self._line(done, total, now - self._began)
        if self._status is not None:
            self._status.update(_plain(line))
        else:
            say(line)

    def say(self, line: str) -> None:
        """A line that stays, above the one that lives."""
        if self._status is None:
            say(line)
            return
        self._status.console.print(_plain(line))

    def _line(self, done: int, total: int, seconds: float) -> str:
        share = min(1.0, done / total) if total else 1.0
        left = f", {seconds / share - seconds:.0f} s left" if share > 0.02 else ""
        filled = f" {bar(share, 24)}" if self._status is not None else ""
        return f"{self._title}{filled} {share:.0%} ({done:,} of {total:,} {self._unit}{left})"

    def __enter__(self) -> Self:
        if is_terminal() and not self._quiet:
            self._status = console().status(_plain(self._title))
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()


def _plain(line: str) -> "Text":
    """A name of a file in brackets is no markup of rich."""
    # Late: only a terminal needs rich.
    from rich.text import Text

    return Text.from_ansi(line)
