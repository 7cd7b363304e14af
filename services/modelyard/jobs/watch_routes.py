"""What happens to a job, as it happens: its events, its logs, its epochs."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from modelyard.errors import Unavailable
from modelyard.job_store import JobStore
from modelyard.jobs.event_feed import HEARTBEAT_SECONDS, EventFeed, position
from modelyard.jobs.job_logs import JobLogs, Line, Place
from modelyard.jobs.streams import Streams

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0
"""Seconds between two looks at a log that does not grow."""


def _stream(events: list[str], id_pattern: str) -> dict[str, Any]:
    """The schema of each event; the data is JSON in a string, as the format has it."""
    properties = {
        "id": {"type": "string", "pattern": id_pattern},
        "event": {"type": "string", "enum": events},
        "data": {"type": "string", "contentMediaType": "application/json"},
    }
    schema = {"type": "object", "properties": properties, "required": ["id", "event", "data"]}
    return {"schema": schema}


_EVENTS = [
    "state",
    "progress",
    "epoch",
    "checkpoint",
    "warning",
    "result",
    "published",
    "end",
]
_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events.",
        "content": {"text/event-stream": _stream(_EVENTS, "^[0-9]+-[0-9]+$")},
    }
}
_LOGS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, or plain text of all that is there if follow is false.",
        "content": {
            "text/event-stream": _stream(["log", "end"], "^[0-9]+-[0-9]+$"),
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}

LastEvent = Annotated[str, Header(alias="Last-Event-ID", max_length=64)]


class EpochReport(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    attempt: int
    epoch: int
    """Counted from 1."""
    seconds: float
    examples_per_second: float
    logs: dict[str, float | None]
    """The loss and the metrics, those of the validation with `val_` before their names; null is no number."""


class Epochs(BaseModel):
    epochs: list[EpochReport]


def watch_routes(store: JobStore, feed: EventFeed, logs: JobLogs, streams: Streams) -> APIRouter:
    routes = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])

    @routes.get("/events", response_class=Response, responses=_EVENT_STREAM)
    async def watch_events(job_id: str, last_event_id: LastEvent = "0") -> Response:
        """Watch a job.

        Server-sent events from the first, or after Last-Event-ID, until `end`. Each carries its time `at` and
        the `attempt` that it is of.
        """
        await run_in_threadpool(store.get, job_id)
        return streams.events(feed.watch(job_id, position(last_event_id)))

    @routes.get("/logs", response_class=Response, responses=_LOGS)
    async def read_logs(
        job_id: str,
        follow: Annotated[bool, Query(description="Wait for more until the job ends.")] = True,
        last_event_id: LastEvent = "0",
    ) -> Response:
        """Read the log of a job.

        Server-sent events `log` with attempt and line, from the first line, or after Last-Event-ID, until
        `end`. Of a line longer than 1 MiB come pieces, each but the last with `partial`.
        """
        await run_in_threadpool(store.get, job_id)
        if not follow:
            return StreamingResponse(logs.text(job_id), media_type="text/plain; charset=utf-8")
        return streams.events(_follow(feed, logs, job_id, Place.of(last_event_id)))

    @routes.get("/metrics")
    def get_metrics(job_id: str) -> Epochs:
        """Show what each epoch came to.

        An epoch that was done twice, because its attempt was lost, is here once: as it was done the last time.
        """
        store.get(job_id)
        return Epochs.model_validate({"epochs": store.epochs(job_id)})

    return routes


async def _follow(
    feed: EventFeed, logs: JobLogs, job: str, place: Place
) -> AsyncGenerator[bytes, None]:
    ended, pause, silent = False, _SHORTEST_PAUSE, 0.0
    while not feed.closing:
        lines = await run_in_threadpool(logs.read, job, place, whole=ended)
        if lines:
            yield b"".join(map(_frame, lines))
            place, pause, silent = lines[-1].after, _SHORTEST_PAUSE, 0.0
            continue
        if ended:
            yield f"id: {place}\nevent: end\ndata: {{}}\n\n".encode()
            return
        try:
            # Looked at before the next read: what was written before the end is read before the end is told.
            ended = await feed.ended(job)
        except Unavailable:
            yield b": the store is away\n\n"
        if not ended:
            await asyncio.sleep(pause)
            pause, silent = min(1.5 * pause, _LONGEST_PAUSE), silent + pause
        if silent > HEARTBEAT_SECONDS:
            yield b": nothing new\n\n"
            silent = 0.0


def _frame(line: Line) -> bytes:
    data: dict[str, Any] = {"attempt": line.after.attempt, "line": line.text}
    if line.partial:
        data["partial"] = True
    return f"id: {line.after}\nevent: log\ndata: {json.dumps(data)}\n\n".encode()
