"""Gives every request an id, and whatever goes wrong a problem body that carries it."""

import secrets
import string

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard import logs
from modelyard.errors import InternalError, ModelyardError
from modelyard.jobs.problems import problem

_PLAIN = frozenset(string.ascii_letters + string.digits + "-_.:/")

log = logs.get(__name__)


class Identity:
    """The outermost layer: what is refused anywhere inside it comes out of here as a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _id(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["id"] = request_id
        started = False

        async def identified(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with logs.bind(request_id=request_id):
            try:
                await self._app(scope, receive, identified)
            except Exception as error:
                if not isinstance(error, ModelyardError):
                    log.exception("request failed", method=scope["method"], path=scope["path"])
                    error = InternalError(
                        "an unexpected error; the log of the server has the details"
                    )
                if started:
                    raise  # too late for a body: the connection is closed
                await problem(error, request_id)(scope, receive, identified)


def _id(given: str) -> str:
    """The caller's own if it is plain: it is written to logs and headers."""
    plain = 0 < len(given) <= 128 and _PLAIN.issuperset(given)
    return given if plain else secrets.token_hex(8)
