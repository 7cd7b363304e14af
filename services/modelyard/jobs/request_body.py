"""The body of an upload, in pieces that are worth a write, from a client that keeps sending."""

import asyncio
import sys
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from modelyard.errors import Cancelled, InvalidRequest, ResourceExhausted

_PIECE = 1024 * 1024
_DIGITS = 19
"""Of a length that a machine could hold; Python refuses to read numbers of thousands of digits."""


async def pieces(request: Request, idle_seconds: float) -> AsyncIterator[bytes]:
    """Raises InvalidRequest if nothing comes for too long, and Cancelled if the client leaves."""
    stream, waiting = aiter(request.stream()), bytearray()
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                waiting += await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise InvalidRequest(
                f"nothing came for {idle_seconds:g} seconds", reason="UPLOAD_STALLED"
            ) from None
        except ClientDisconnect:
            raise Cancelled("the client left", reason="CLIENT_LEFT") from None
        if len(waiting) >= _PIECE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def declared_length(request: Request) -> int:
    """0 if it was not said."""
    text = request.headers.get("content-length", "")
    if not text.isdecimal():
        return 0
    return int(text) if len(text) < _DIGITS else sys.maxsize


class Slots:
    """How many may do something at once; the event loop's own, so it needs no lock."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def __enter__(self) -> None:
        if self._taken >= self._most:
            raise ResourceExhausted(
                f"{self._most} uploads are under way already",
                reason="TOO_MANY_UPLOADS",
                retry_after=5,
            )
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        self._taken -= 1
