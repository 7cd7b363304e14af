"""Answers that go on: how many there may be at once, and that each frees what it holds when its reader leaves."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from modelyard.errors import ResourceExhausted

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    def __init__(self, most: int) -> None:
        self._most = most
        self.open = 0

    def events(self, chunks: AsyncGenerator[bytes, None]) -> StreamingResponse:
        """Raises ResourceExhausted if there are as many already as may be."""
        if self.open >= self._most:
            raise ResourceExhausted(
                f"{self._most} watchers are here already",
                reason="TOO_MANY_WATCHERS",
                retry_after=10,
            )
        self.open += 1
        return _Stream(chunks, self._left)

    def _left(self) -> None:
        self.open -= 1


class _Stream(StreamingResponse):
    def __init__(self, chunks: AsyncGenerator[bytes, None], left: Callable[[], None]) -> None:
        super().__init__(chunks, media_type="text/event-stream", headers=_HEADERS)
        self._chunks = chunks
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # Without this a reader that leaves is noticed when the garbage collector comes by.
            async with aclosing(self._chunks):
                await super().__call__(scope, receive, send)
        finally:
            self._left()
