"""Jobs: what one is, and the steps to submit, watch, wait, cancel, retry and clone."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from modelyard.client import datasets, event_stream, http, requests
from modelyard.client.errors import JobCancelled, JobFailed, WaitTimeout, violations_of
from modelyard.client.retrying import Options
from modelyard.client.steps import Emit, Pause, Send, Steps
from modelyard.errors import Violation

PAGE = 100


@dataclass(frozen=True)
class JobRecord:
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
    metrics: Mapping[str, float] = field(hash=False)
    """On the held-out test examples, once it was evaluated."""
    baseline: Mapping[str, float] = field(hash=False)
    """The same metrics of the answer that needs no network."""
    model: str
    version: int | None
    """The version that it published."""
    violations: tuple[Violation, ...]
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any], **more: Any) -> Self:
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
            **more,
        )

    @property
    def succeeded(self) -> bool:
        return self.state == "SUCCEEDED"

    def raise_for_state(self) -> Self:
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

    def __repr__(self) -> str:
        told = {f.name: getattr(self, f.name) for f in fields(JobRecord) if f.repr}
        shown = ", ".join(f"{n}={v!r}" for n, v in told.items() if v not in ("", None, {}, (), 0))
        return f"{type(self).__name__}({shown})"


@dataclass(frozen=True)
class Event:
    """`kind` is state, epoch, progress, checkpoint, warning, result, published or end."""

    id: str
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class LogLine:
    """One line that the trainer wrote. `id` is where to go on after it."""

    id: str
    attempt: int
    line: str
    partial: bool = False
    """A very long line comes in pieces, each but the last with this mark."""

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True)
class Epoch:
    attempt: int
    epoch: int
    seconds: float | None
    examples_per_second: float | None
    logs: Mapping[str, float | None]
    """Losses and metrics by Keras' names, such as `loss` and `val_loss`; None is no number."""


@dataclass(frozen=True)
class Report:
    """What a request comes to, without submitting it. None is what only the data can tell."""

    rows: int | None
    parameters: int | None
    classes: tuple[str, ...] | None
    features: Mapping[str, Any]
    head: Mapping[str, Any]
    layers: tuple[Mapping[str, Any], ...]
    """Each with `type`, `output_shape` and `parameters`."""
    warnings: tuple[Violation, ...]
    """What is allowed, and probably not meant."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Report":
        classes = raw.get("classes")
        return cls(
            rows=raw.get("rows"),
            parameters=raw.get("parameters"),
            classes=None if classes is None else tuple(map(str, classes)),
            features=raw.get("features") or {},
            head=raw.get("head") or {},
            layers=tuple(raw.get("layers") or ()),
            warnings=violations_of(raw.get("warnings") or ()),
            raw=raw,
        )


Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which jobs to list; empty is all."""

    state: str = ""
    model: str = ""
    name: str = ""
    task: str = ""


def submit(options: Options, written: requests.WrittenRequest, key: str | None) -> Steps[Raw]:
    """Sends the file that `dataset.source` names, if it names one, then the request."""
    body = yield from _with_dataset(options, written)
    headers = _keyed(key)
    raw: Raw = yield from http.call(options, Send("POST", "/v1/jobs", json=body, headers=headers))
    return raw


def validate(options: Options, written: requests.WrittenRequest) -> Steps[Report]:
    body = yield from _with_dataset(options, written)
    send = Send("POST", "/v1/jobs", {"dry_run": "true"}, json=body)
    return Report.of((yield from http.call(options, send)))


def get(options: Options, id: str) -> Steps[Raw]:
    raw: Raw = yield from http.get(options, _path(id))
    return raw


def page(options: Options, wanted: Filter, limit: int, token: str) -> Steps[Raw]:
    params = vars(wanted) | {"limit": limit, "page_token": token}
    raw: Raw = yield from http.get(options, "/v1/jobs", params)
    return raw


def all_pages(options: Options, wanted: Filter, make: Callable[[Raw], Any]) -> Steps[None]:
    """Emits job by job; the next page is fetched when it is needed."""
    token = ""
    while True:
        answer = yield from page(options, wanted, PAGE, token)
        for raw in answer["jobs"]:
            yield Emit(make(raw))
        token = answer.get("next_page_token") or ""
        if not token:
            return


def cancel(options: Options, id: str) -> Steps[Raw]:
    raw: Raw = yield from http.call(options, Send("POST", f"{_path(id)}/cancel"))
    return raw


def retry(options: Options, id: str, key: str | None) -> Steps[Raw]:
    send = Send("POST", f"{_path(id)}/retry", headers=_keyed(key))
    raw: Raw = yield from http.call(options, send)
    return raw


def clone(
    options: Options, id: str, changes: Raw, key: str | None = None, *, dry_run: bool = False
) -> Steps[Raw]:
    params = {"dry_run": "true"} if dry_run else {}
    send = Send("POST", f"{_path(id)}/clone", params, json=dict(changes), headers=_keyed(key))
    raw: Raw = yield from http.call(options, send)
    return raw


def events(options: Options, id: str, after: str) -> Steps[None]:
    path = f"{_path(id)}/events"
    yield from event_stream.followed(path, {}, after, _event, lambda: _is_over(options, id))


def logs(options: Options, id: str, after: str, *, follow: bool) -> Steps[None]:
    """Emits the lines; without `follow` those that are there now."""
    if follow:
        path = f"{_path(id)}/logs"
        yield from event_stream.followed(path, {}, after, _log_line, lambda: _is_over(options, id))
        return
    answer: str = yield from http.text(options, f"{_path(id)}/logs", {"follow": "false"})
    for line in answer.splitlines():
        yield Emit(LogLine("", 0, line))


def metrics(options: Options, id: str) -> Steps[tuple[Epoch, ...]]:
    answer = yield from http.get(options, f"{_path(id)}/metrics")
    return tuple(
        Epoch(
            int(raw.get("attempt") or 0),
            int(raw["epoch"]),
            raw.get("seconds"),
            raw.get("examples_per_second"),
            dict(raw.get("logs") or {}),
        )
        for raw in answer["epochs"]
    )


def wait(options: Options, id: str, timeout: float | None) -> Steps[Raw]:
    """The job once it has ended, however it did. Raises WaitTimeout after `timeout` seconds, when the job goes on."""
    deadline = None if timeout is None else time.monotonic() + timeout
    attempt = 0
    while True:
        raw = yield from get(options, id)
        if raw["terminal"]:
            return raw
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise WaitTimeout(f"job {id} is {raw['state']} after {timeout:g} s, and goes on")
        pause = min(2.0, 0.1 * 1.5**attempt)
        yield Pause(pause if left is None else min(pause, left))
        attempt = min(attempt + 1, 10)


def _is_over(options: Options, id: str) -> Steps[bool]:
    return bool((yield from get(options, id))["terminal"])


def _event(message: event_stream.Message) -> Event:
    return Event(message.id, message.kind, message.data)


def _log_line(message: event_stream.Message) -> LogLine | None:
    if message.kind != "log":
        return None
    data = message.data
    return LogLine(
        message.id, int(data.get("attempt") or 0), str(data["line"]), bool(data.get("partial"))
    )


def _keyed(key: str | None) -> Mapping[str, str]:
    """A key is always sent, so that a retry over a bad connection makes no second job."""
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def _path(id: str) -> str:
    return f"/v1/jobs/{http.part(id)}"


def _with_dataset(options: Options, written: requests.WrittenRequest) -> Steps[dict[str, Any]]:
    source = requests.local_source(written)
    if source is None:
        return written.body
    uploaded = yield from datasets.upload(options, source)
    return requests.with_source(written, uploaded.uri)
