"""Refuses a request body that is too large, before it is read into memory."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.errors import InvalidRequest
from modelyard.jobs.problems import problem, too_large
from modelyard.jobs.request_body import declared_length


class BodyLimit:
    """Uploads of datasets, which are never held in memory, have a limit of their own."""

    def __init__(self, app: ASGIApp, limit: int, uploads: int) -> None:
        self._app = app
        self._limit = limit
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._uploads if _is_upload(scope) else self._limit
        request_id = scope.get("state", {}).get("id", "")
        if declared_length(Request(scope)) > limit:
            await problem(too_large(limit), request_id)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise too_large(limit)
            return message

        try:
            await self._app(scope, counted, send)
        except InvalidRequest as error:
            await problem(error, request_id)(scope, receive, send)


def _is_upload(scope: Scope) -> bool:
    method, path = str(scope["method"]), str(scope["path"])
    return (method == "POST" and path == "/v1/datasets") or (
        method == "PATCH" and path.startswith("/v1/uploads/")
    )
