"""Counts, times and logs every request."""

import time
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard import logs
from modelyard.jobs.metrics import JobsMetrics

log = logs.get(__name__)


class Measurement:
    """`unlogged` are the routes that would drown the log. Of a stream, the time to its first byte counts."""

    def __init__(self, app: ASGIApp, metrics: JobsMetrics, unlogged: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._unlogged = unlogged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, measured)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The pattern of the route, not the path: labels must stay few.
        route = getattr(scope.get("route"), "path", "none")
        self._metrics.requests.labels(route, scope["method"], status).observe(seconds)
        if route not in self._unlogged:
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                seconds=round(seconds, 6),
            )
