"""Jobs over HTTP: submit, check, get, list, watch, cancel."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from modelyard import logs
from modelyard.dataset_store import DatasetStore
from modelyard.datasets.source import held
from modelyard.errors import Unavailable
from modelyard.job import Job, JobRequest, JobState, Plan
from modelyard.job_queue import Doorbell
from modelyard.job_store import JobStore
from modelyard.jobs.event_feed import EventFeed
from modelyard.jobs.metrics import JobsMetrics
from modelyard.settings import JobsSettings

log = logs.get(__name__)


class JobPage(BaseModel):
    jobs: list[Job]
    next_page_token: str = ""
    """Empty at the end."""


class CheckedRequest(BaseModel):
    """What a request comes to, as far as it can be known before the data is read. Sizes of null are not."""

    valid: Literal[True] = True
    features: dict[str, Any]
    head: dict[str, Any]
    rows: int | None
    parameters: int | None

    @classmethod
    def of(cls, plan: Plan) -> "CheckedRequest":
        return cls(
            features=vars(plan.features),
            head=vars(plan.head),
            rows=plan.rows,
            parameters=plan.parameters,
        )


Key = Annotated[str, Header(alias="Idempotency-Key", max_length=255)]


def job_routes(
    settings: JobsSettings,
    store: JobStore,
    datasets: DatasetStore,
    doorbell: Doorbell,
    feed: EventFeed,
    metrics: JobsMetrics,
) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["jobs"])

    @routes.post("/jobs", status_code=201, response_model=Job | CheckedRequest)
    def submit(
        request: JobRequest, response: Response, key: Key = "", dry_run: bool = False
    ) -> Job | CheckedRequest:
        """Accepts a job, or only checks the request. A repeat with the same Idempotency-Key answers the first job."""
        plan = request.check(request.dataset.schema(datasets))
        if dry_run:
            response.status_code = 200
            return CheckedRequest.of(plan)
        # Between here and the journal nobody may delete what the job names.
        with held(request.dataset.source, datasets):
            job = store.submit(request, key=key)
        metrics.submitted.labels(request.task.type, request.network.type).inc()
        doorbell.ring(job.queue)
        log.info("submitted", job_id=job.id, model=job.model, queue=job.queue)
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return job

    @routes.get("/jobs")
    def list_jobs(
        state: JobState | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        page_token: str = "",
    ) -> JobPage:
        """Newest first."""
        jobs, token = store.page(state=state, limit=limit, page_token=page_token)
        return JobPage(jobs=jobs, next_page_token=token)

    @routes.get("/jobs/{job_id}")
    def get_job(job_id: str) -> Job:
        return store.get(job_id)

    @routes.post("/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> Job:
        """Ends a waiting job at once and a running one after its last checkpoint; harmless for one that has ended."""
        return store.cancel(job_id)

    @routes.get("/jobs/{job_id}/events", response_class=StreamingResponse)
    async def watch(
        job_id: str, last_event_id: Annotated[str, Header(alias="Last-Event-ID")] = "0"
    ) -> StreamingResponse:
        """Server-sent events from the first, or after Last-Event-ID, until `end`."""
        await run_in_threadpool(store.get, job_id)
        after = last_event_id if feed.is_id(last_event_id) else "0"
        return StreamingResponse(
            _stream(feed, store, job_id, after),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @routes.get("/workers")
    def workers() -> dict[str, Any]:
        """Who said lately that it is there, and what it does."""
        return {
            "workers": [
                {"name": name, "seen_at": worker["seen"], **worker["status"]}
                for name, worker in sorted(store.workers().items())
            ]
        }

    @routes.get("/schemas/job-request")
    def schema() -> dict[str, Any]:
        """The JSON Schema of a request."""
        return JobRequest.model_json_schema()

    return routes


async def _stream(feed: EventFeed, store: JobStore, job_id: str, after: str) -> AsyncIterator[str]:
    while True:
        try:
            ended = (await run_in_threadpool(store.get, job_id)).terminal
            events = await feed.after(job_id, after, wait=not ended)
            if ended and not events:
                return  # the watcher has seen the end before
        except Unavailable:
            yield ": the store is away\n\n"
            await asyncio.sleep(1)
            continue
        if not events:
            yield ": nothing new\n\n"
        for event in events:
            yield f"id: {event.id}\nevent: {event.event}\ndata: {json.dumps(event.data)}\n\n"
            after = event.id
            if event.event == "end":
                return
