"""Troubles that a test asks for: the service is busy for some calls, a stream breaks."""

import threading
from collections.abc import Iterator

from modelyard.errors import Code
from modelyard.testing.fake_errors import Refused


class FakeTroubles:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refusals: list[Refused] = []
        self._cuts: list[int] = []
        self.asked: list[str] = []
        """`GET /v1/jobs` or `/modelyard.v1.TextService/ClassifyTexts`, in the order of the calls."""

    def refuse(self, times: int, code: Code, reason: str, retry_after: float | None) -> None:
        error = Refused(code, reason, "the test asked for this", retry_after=retry_after)
        with self._lock:
            self._refusals += [error] * times

    def cut_next_stream(self, after: int) -> None:
        with self._lock:
            self._cuts.append(after)

    def meet(self, call: str) -> None:
        """Raises what the test asked for."""
        with self._lock:
            self.asked.append(call)
            if self._refusals:
                raise self._refusals.pop(0)

    def cut(self, frames: Iterator[bytes]) -> Iterator[bytes]:
        """The frames, or the first ones of them and the half of another."""
        with self._lock:
            most = self._cuts.pop(0) if self._cuts else None
        for number, frame in enumerate(frames):
            if number == most:
                yield frame[: len(frame) // 2]
                return
            yield frame
