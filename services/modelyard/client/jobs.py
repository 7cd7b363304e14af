"""Jobs: submit, watch, wait, cancel."""

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.client import event_stream, requests
from modelyard.client.datasets import Datasets
from modelyard.client.errors import (
    DeadlineExceeded,
    JobCancelled,
    JobFailed,
    Unavailable,
    WaitTimeout,
    violations_of,
)
from modelyard.client.http import Http, backoff
from modelyard.errors import Violation

_SILENCE = 60.0  # seconds without a line, after which a stream is taken for dead and opened again
_PATIENCE = 120.0  # seconds of reconnecting in vain, after which the caller is told


@dataclass(frozen=True)
class Job:
    """What became of a request. `raw` is the whole record as the service tells it."""

    id: str
    name: str
    state: str
    reason: str
    message: str
    terminal: bool
    attempt: int
    epoch: int
    epochs: int
    metrics: Mapping[str, float]
    """On the held-out test examples, once it was evaluated."""
    baseline: Mapping[str, float]
    """The same metrics of the answer that needs no network."""
    model: str
    version: int | None
    """The version that it published."""
    violations: tuple[Violation, ...]
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Job":
        return cls(
            id=str(raw["id"]),
            name=str(raw.get("name") or ""),
            state=str(raw["state"]),
            reason=str(raw.get("reason") or ""),
            message=str(raw.get("message") or ""),
            terminal=bool(raw.get("terminal")),
            attempt=int(raw.get("attempt") or 0),
            epoch=int(raw.get("epoch") or 0),
            epochs=int(raw.get("epochs") or 0),
            metrics=dict(raw.get("metrics") or {}),
            baseline=dict(raw.get("baseline") or {}),
            model=str(raw.get("model") or ""),
            version=None if raw.get("version") is None else int(raw["version"]),
            violations=violations_of(raw.get("violations") or ()),
            raw=raw,
        )

    @property
    def succeeded(self) -> bool:
        return self.state == "SUCCEEDED"

    def raise_for_state(self) -> "Job":
        """The job itself if it succeeded or goes on; raises JobFailed or JobCancelled."""
        if not self.terminal or self.succeeded:
            return self
        kind = JobCancelled if self.state == "CANCELLED" else JobFailed
        said = f"job {self.id} ended {self.state}"
        raise kind(
            f"{said}: {self.message}" if self.message else said,
            reason=self.reason,
            violations=self.violations,
        )


@dataclass(frozen=True)
class Event:
    """`kind` is state, epoch, progress, checkpoint, warning, result, published or end."""

    id: str
    kind: str
    data: Mapping[str, Any]


class Jobs:
    def __init__(self, http: Http, datasets: Datasets) -> None:
        self._http = http
        self._datasets = datasets

    def submit(self, request: requests.Request, *, idempotency_key: str | None = None) -> Job:
        """Sends the file that `dataset.source` names, if it names one, then the request.

        A key is always sent, so that a retry over a bad connection makes no second job. Give one to make
        the same promise across processes. Raises InvalidRequest naming the fields.
        """
        return self.submit_written(requests.read(request), idempotency_key=idempotency_key)

    def submit_written(
        self, written: requests.WrittenRequest, *, idempotency_key: str | None = None
    ) -> Job:
        key = idempotency_key or str(uuid.uuid4())
        answer = self._http.call(
            "POST",
            "/v1/jobs",
            safe=True,
            json=self._with_dataset(written),
            headers={"Idempotency-Key": key},
        )
        return Job.of(answer)

    def check(self, request: requests.Request) -> Mapping[str, Any]:
        """What the service says of a request without queueing it. Raises InvalidRequest as submit does."""
        body = self._with_dataset(requests.read(request))
        report: Mapping[str, Any] = self._http.call(
            "POST", "/v1/jobs", safe=True, params={"dry_run": "true"}, json=body
        )
        return report

    def get(self, id: str) -> Job:
        return Job.of(self._http.get(f"/v1/jobs/{id}"))

    def list(self, *, state: str = "") -> Iterator[Job]:
        """Newest first; pages are fetched as they are needed."""
        params: dict[str, Any] = {"limit": 100} | ({"state": state} if state else {})
        while True:
            page = self._http.get("/v1/jobs", params)
            for raw in page["jobs"]:
                yield Job.of(raw)
            if not page.get("next_page_token"):
                return
            params["page_token"] = page["next_page_token"]

    def cancel(self, id: str) -> Job:
        """Asks it to stop; it ends CANCELLED unless it ended otherwise first."""
        return Job.of(self._http.call("POST", f"/v1/jobs/{id}/cancel", safe=True))

    def events(self, id: str, *, after: str = "") -> Iterator[Event]:
        """All that happened and happens to a job, until it ends; none is lost or repeated.

        A broken connection is opened again where it broke. Raises Unavailable when nobody has answered for
        two minutes.
        """
        last, failing_since, attempt = after, None, 0
        while True:
            seen = last
            try:
                for event in self._events_once(id, last):
                    last, failing_since, attempt = event.id or last, None, 0
                    yield event
                    if event.kind == "end":
                        return
                if last == seen and self.get(id).terminal:
                    return  # its events were lost with the store, or all of them were seen before
            except (Unavailable, DeadlineExceeded):
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > _PATIENCE:
                    raise
            time.sleep(backoff(attempt))
            attempt += 1

    def wait(self, id: str, *, timeout: float | None = None) -> Job:
        """The job once it succeeded.

        Raises JobFailed, JobCancelled, or WaitTimeout after `timeout` seconds, when the job goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        attempt = 0
        while not (job := self.get(id)).terminal:
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeout(f"job {id} is {job.state} after {timeout:g} s, and goes on")
            time.sleep(min(2.0, 0.1 * 1.5**attempt))
            attempt = min(attempt + 1, 10)
        return job.raise_for_state()

    def _events_once(self, id: str, last: str) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        with self._http.stream(f"/v1/jobs/{id}/events", headers, _SILENCE) as lines:
            for message in event_stream.parse(lines):
                yield Event(message.id, message.kind, message.data)

    def _with_dataset(self, written: requests.WrittenRequest) -> dict[str, Any]:
        source = requests.local_source(written)
        if source is None:
            return written.body
        return requests.with_source(written, self._datasets.upload(source).uri)
