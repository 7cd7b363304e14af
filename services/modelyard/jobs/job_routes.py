"""Jobs over HTTP: submit, check, get, list, cancel, and do again."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from modelyard import logs
from modelyard.dataset_store import DatasetStore
from modelyard.datasets.source import held
from modelyard.job import Job, JobRequest, JobState
from modelyard.job_queue import Doorbell
from modelyard.job_store import JobStore
from modelyard.jobs import examples, problems
from modelyard.jobs.json_body import JsonRoute
from modelyard.jobs.metrics import JobsMetrics
from modelyard.jobs.report import Report, check, report

log = logs.get(__name__)

_REPORT: dict[int | str, dict[str, Any]] = {
    200: {"model": Report, "description": "What the request comes to, if dry_run is true."}
}
_MERGE_PATCH = "application/merge-patch+json"

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        description="A repeat with the same key answers the job that the first one made.",
    ),
]
DryRun = Annotated[bool, Query(description="Only check; nothing is queued.")]
Label = Annotated[str, Query(max_length=63)]


class JobPage(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    jobs: list[Job]
    next_page_token: str = ""
    """Empty at the end. A page may be short before it: only the token tells."""


class Desk:
    """Takes requests: checks them, makes them jobs, and rings for a worker."""

    def __init__(
        self, store: JobStore, datasets: DatasetStore, doorbell: Doorbell, metrics: JobsMetrics
    ) -> None:
        self._store = store
        self._datasets = datasets
        self._doorbell = doorbell
        self._metrics = metrics

    def take(
        self, request: JobRequest, response: Response, *, key: str, dry_run: bool, parent: str = ""
    ) -> Job | Report:
        if dry_run:
            response.status_code = 200
            return report(request, self._datasets)
        check(request, self._datasets)
        if key and parent:
            key = f"{parent} {key}"  # what is done again is another thing than what was done first
        # Between here and the journal nobody may delete what the job names.
        with held(request.dataset.source, self._datasets):
            job = self._store.submit(request, key=key, parent=parent)
        self._metrics.submitted.labels(request.task.type, request.network.type).inc()
        self._doorbell.ring_if_few(job.queue)
        log.info("submitted", job_id=job.id, model=job.model, queue=job.queue)
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return job


def job_routes(store: JobStore, desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=JsonRoute)

    @routes.post("", status_code=201, response_model=Job | Report, responses=_REPORT)
    def submit_job(
        request: Annotated[JobRequest, Body(openapi_examples=examples.REQUESTS)],
        response: Response,
        key: Key = "",
        dry_run: DryRun = False,
    ) -> Job | Report:
        """Submit a job.

        The whole request is checked before it is queued. `dry_run` tells what it comes to: rows, classes,
        layers, parameters, and what may disappoint.
        """
        return desk.take(request, response, key=key, dry_run=dry_run)

    @routes.get("")
    def list_jobs(
        state: JobState | None = None,
        model: Label = "",
        name: Label = "",
        task: Label = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        page_token: Annotated[str, Query(max_length=500)] = "",
    ) -> JobPage:
        """List jobs, newest first.

        A page token belongs to the list that it was given out for, with the same state, model, name and task.
        """
        jobs, token = store.page(
            state=state, model=model, name=name, task=task, limit=limit, page_token=page_token
        )
        return JobPage(jobs=jobs, next_page_token=token)

    @routes.get("/{job_id}")
    def get_job(job_id: str) -> Job:
        """Get a job."""
        return store.get(job_id)

    @routes.post("/{job_id}/cancel")
    def cancel_job(job_id: str) -> Job:
        """Cancel a job.

        A waiting job ends at once, a running one after its last checkpoint; harmless for one that has ended.
        """
        return store.cancel(job_id)

    @routes.post("/{job_id}/retry", status_code=201, response_model=Job)
    def retry_job(job_id: str, response: Response, key: Key = "") -> Job | Report:
        """Do a job again.

        A new job with the same request, whatever became of the first.
        """
        request = _parsed(store.get(job_id).request)
        return desk.take(request, response, key=key, dry_run=False, parent=job_id)

    @routes.post(
        "/{job_id}/clone",
        status_code=201,
        response_model=Job | Report,
        responses=_REPORT,
        openapi_extra={"requestBody": examples.patch_body(_MERGE_PATCH)},
    )
    def clone_job(
        job_id: str,
        patch: Annotated[dict[str, Any], Body(openapi_examples=examples.PATCHES)],
        response: Response,
        key: Key = "",
        dry_run: DryRun = False,
    ) -> Job | Report:
        """Do a job again with changes.

        A new job whose request is that of the first with a JSON merge patch (RFC 7396) applied: what the
        patch names is changed, null removes.
        """
        request = _parsed(_merged(store.get(job_id).request, patch))
        return desk.take(request, response, key=key, dry_run=dry_run, parent=job_id)

    return routes


def schema_routes() -> APIRouter:
    routes = APIRouter(prefix="/v1/schemas", tags=["schemas"])

    @routes.get("/job-request")
    def get_job_request_schema() -> dict[str, Any]:
        """Get the JSON Schema of a request."""
        return JobRequest.model_json_schema()

    return routes


def _parsed(request: Mapping[str, Any]) -> JobRequest:
    """Raises InvalidRequest with the path of every field that is wrong."""
    try:
        return JobRequest.model_validate(request)
    except ValidationError as error:
        raise problems.of_invalid(error, request) from None


def _merged(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """MergePatch of RFC 7396."""
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merged(merged.get(name), value)
        else:
            merged[name] = value
    return merged
