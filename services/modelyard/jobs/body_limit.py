"""Refuses a request body that is too large, before it is read into memory."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.errors import InvalidRequest
from modelyard.jobs.problems import problem, too_large


class BodyLimit:
    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Request(scope).headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._limit:
            await problem(too_large(self._limit), "")(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise too_large(self._limit)
            return message

        try:
            await self._app(scope, counted, send)
        except InvalidRequest as error:
            await problem(error, "")(scope, receive, send)
