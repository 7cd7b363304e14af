"""JSON as it may come from anybody: bounded in size, depth and time, and holding nothing that JSON has not."""

import asyncio
import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from modelyard.errors import DeadlineExceeded, InvalidRequest
from modelyard.jobs.problems import BODY_TIMEOUT, too_large

LARGEST = 4 * 1024 * 1024
DEEPEST = 64
BODY_SECONDS = 30.0

# The brackets in a string are no nesting.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(rb"[\[\]{}]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonRequest(Request):
    """A body that comes too slowly holds a connection for BODY_SECONDS, and never a thread."""

    async def body(self) -> bytes:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._bounded()
        except TimeoutError:
            raise DeadlineExceeded(
                f"the body did not come within {BODY_SECONDS:g} s", reason=BODY_TIMEOUT
            ) from None

    async def json(self) -> Any:
        return read(await self.body())

    async def _bounded(self) -> bytes:
        if not hasattr(self, "_body"):
            chunks, size = [], 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > LARGEST:
                    raise too_large(LARGEST)
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body


class JsonRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return bounded


def read(body: bytes) -> Any:
    """Raises InvalidRequest; answers nothing that could not be written again as JSON."""
    if _depth(body) > DEEPEST:
        raise _refused("is nested too deeply", expected=f"at most {DEEPEST} levels")
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
        if _SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        raise _refused("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _refused(f"is not JSON: {error.msg}, {where}") from None
    except ValueError as error:  # a whole number of thousands of digits, or one of the two below
        raise _refused(f"is not JSON: {error}") from None
    return value


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _refused(message: str, expected: str = "a JSON object") -> InvalidRequest:
    return InvalidRequest.of("body", message, expected=expected)
