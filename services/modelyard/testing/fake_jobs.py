"""The jobs of the fake. A job is a timeline that was decided when it was submitted; where it stands is a matter of time."""

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from modelyard.errors import Code, Violation
from modelyard.testing.fake_errors import Refused, invalid, not_found
from modelyard.testing.fake_models import DIGITS, FakeModel, FakeModels

TASKS = (
    "image_classification",
    "text_classification",
    "tabular_classification",
    "tabular_regression",
    "forecasting",
)
_FIELDS = ("name", "task", "dataset", "network", "training", "resources", "publish")
_CLASSES = {"builtin://digits": DIGITS, "builtin://sms": ("ham", "spam")}
_TERMINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")


@dataclass(frozen=True)
class Fate:
    """How a job ends, and after how many epochs if not after all of them."""

    state: str = "SUCCEEDED"
    reason: str = ""
    message: str = ""
    epochs: int | None = None


@dataclass(frozen=True)
class Happening:
    at: float
    event: str
    data: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What it changes in the record."""


@dataclass(frozen=True)
class FakeJob:
    id: str
    request: Mapping[str, Any]
    created: float
    timeline: tuple[Happening, ...]

    def happened(self, now: float) -> list[tuple[int, Happening]]:
        """With their numbers, from 1."""
        return [(n, h) for n, h in enumerate(self.timeline, start=1) if h.at <= now]

    def record(self, now: float) -> dict[str, Any]:
        publish = self.request["publish"]
        known: dict[str, Any] = {
            "id": self.id,
            "name": self.request.get("name") or "",
            "queue": "train",
            "request": self.request,
            "digest": digest_of(self.request),
            "state": "QUEUED",
            "reason": "",
            "message": "",
            "violations": [],
            "model": publish["model"],
            "version": None,
            "attempt": 0,
            "epoch": 0,
            "epochs": 0,
            "metrics": {},
            "baseline": {},
            "created_at": _rfc3339(self.created),
            "cancel_requested": False,
        }
        for _, happening in self.happened(now):
            known |= happening.fields
        return known | {"terminal": known["state"] in _TERMINAL}

    def is_over(self, now: float) -> bool:
        return self.timeline[-1].at <= now

    def log(self, now: float) -> list[str]:
        return [
            f"epoch {h.data['epoch']}/{h.data['epochs']} loss={h.data['logs']['loss']}"
            for _, h in self.happened(now)
            if h.event == "epoch"
        ]

    def cancelled(self, now: float) -> "FakeJob":
        """Its timeline until now, and then its end."""
        if self.is_over(now):
            return self
        past = tuple(h for h in self.timeline if h.at <= now)
        ending = _ending(now, Fate("CANCELLED", "USER", "cancelled by request"), {})
        return replace(self, timeline=(*past, *ending))


class FakeJobs:
    def __init__(
        self, models: FakeModels, knows_dataset: Callable[[str], bool], step: float
    ) -> None:
        self._models = models
        self._knows_dataset = knows_dataset
        self._step = step
        self._changed = threading.Condition()
        self._jobs: dict[str, FakeJob] = {}
        self._keys: dict[str, str] = {}
        self._fates: list[Fate] = []
        self._published: set[str] = set()
        self._numbers = itertools.count(1)

    def next_ends(self, fate: Fate) -> None:
        with self._changed:
            self._fates.append(fate)

    def submit(self, request: Mapping[str, Any], key: str) -> dict[str, Any]:
        self.check(request)
        with self._changed:
            if key and key in self._keys:
                return self._repeated(self._jobs[self._keys[key]], request)
            job = self._new(request)
            self._jobs[job.id] = job
            if key:
                self._keys[key] = job.id
            self._changed.notify_all()
        return job.record(time.time())

    def check(self, request: Mapping[str, Any]) -> None:
        """Raises Refused for what the fake can tell; the real service knows much more."""
        found = [*_violations(request)]
        dataset = request.get("dataset")
        source = dataset.get("source") if isinstance(dataset, Mapping) else None
        if not found and not self._knows_dataset(str(source)):
            raise not_found("dataset", source, "DATASET_NOT_FOUND")
        if found:
            raise invalid(*found)

    def get(self, id: str) -> FakeJob:
        self._publish_what_ended()
        with self._changed:
            if id not in self._jobs:
                raise not_found("job", id, "JOB_NOT_FOUND")
            return self._jobs[id]

    def page(
        self, wanted: Mapping[str, str], limit: int, token: str
    ) -> tuple[list[dict[str, Any]], str]:
        self._publish_what_ended()
        now = time.time()
        with self._changed:
            records = [job.record(now) for job in reversed(self._jobs.values())]
        matching = [record for record in records if _matches(record, wanted)]
        start = _start(token, wanted)
        rest = matching[start : start + limit]
        more = start + limit < len(matching)
        return rest, _token(start + limit, wanted) if more else ""

    def cancel(self, id: str) -> dict[str, Any]:
        job = self.get(id)
        with self._changed:
            self._jobs[id] = job.cancelled(time.time())
            self._changed.notify_all()
        return self.get(id).record(time.time())

    def wait_for_news(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(min(seconds, self._step))

    def _publish_what_ended(self) -> None:
        now = time.time()
        with self._changed:
            ended = [
                job
                for job in self._jobs.values()
                if job.id not in self._published and job.is_over(now)
            ]
            self._published |= {job.id for job in ended}
        for job in ended:
            record = job.record(now)
            if record["state"] == "SUCCEEDED":
                self._publish(job, record)

    def _publish(self, job: FakeJob, record: Mapping[str, Any]) -> None:
        task, publish = job.request["task"], job.request["publish"]
        classes = _CLASSES.get(str(job.request["dataset"].get("source")), ("a", "b"))
        like = FakeModel(
            record["model"],
            task["type"],
            classes if task["type"].endswith("classification") else (),
            horizon=int(task.get("horizon") or 12),
        )
        self._models.publish(
            record["model"], record["version"], like, tuple(publish.get("aliases") or ())
        )

    def _repeated(self, first: FakeJob, request: Mapping[str, Any]) -> dict[str, Any]:
        if digest_of(first.request) == digest_of(request):
            return first.record(time.time())
        message = f"the key came with another request before, of job {first.id}"
        raise Refused(Code.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", message)

    def _new(self, request: Mapping[str, Any]) -> FakeJob:
        now = time.time()
        fate = self._fates.pop(0) if self._fates else Fate()
        model = request["publish"]["model"]
        pending = sum(
            1
            for job in self._jobs.values()
            if job.request["publish"]["model"] == model and job.id not in self._published
        )
        version = self._models.next_version(model) + pending
        id = f"fake-{next(self._numbers)}"
        return FakeJob(id, dict(request), now, _timeline(request, fate, now, self._step, version))


def _timeline(
    request: Mapping[str, Any], fate: Fate, now: float, step: float, version: int
) -> tuple[Happening, ...]:
    epochs = int((request.get("training") or {}).get("epochs") or 3)
    clock = (now + step * tick for tick in itertools.count(1))
    done = epochs if fate.epochs is None else min(epochs, fate.epochs)
    happenings = [_moved(now, "QUEUED", {}), _moved(next(clock), "STARTING", {"attempt": 1})]
    happenings += [_moved(next(clock), state, {}) for state in ("VALIDATING", "RUNNING")]
    happenings += [_epoch(next(clock), number, epochs) for number in range(1, done + 1)]
    if fate.state != "SUCCEEDED":
        return (*happenings, *_ending(next(clock), fate, {}))
    metrics = {"loss": 0.1, "accuracy": 0.98}
    happenings += [
        _moved(next(clock), "PUBLISHING", {"version": version}),
        Happening(
            next(clock),
            "result",
            {"metrics": metrics, "baseline": {"accuracy": 0.5}},
            {"metrics": metrics, "baseline": {"accuracy": 0.5}},
        ),
        Happening(next(clock), "published", {"version": version}),
    ]
    return (*happenings, *_ending(next(clock), fate, {"version": version}))


def _moved(at: float, state: str, fields: Mapping[str, Any]) -> Happening:
    started = {"started_at": _rfc3339(at)} if state == "STARTING" else {}
    data = {"state": state, "reason": "", "message": "", "at": at}
    return Happening(at, "state", data, {"state": state, **started, **fields})


def _epoch(at: float, epoch: int, epochs: int) -> Happening:
    logs = {"loss": round(1 / epoch, 4), "val_loss": round(1.1 / epoch, 4)}
    data = {
        "epoch": epoch,
        "epochs": epochs,
        "seconds": 0.01,
        "examples_per_second": 1000.0,
        "logs": logs,
        "at": at,
        "attempt": 1,
    }
    return Happening(at, "epoch", data, {"epoch": epoch, "epochs": epochs})


def _ending(at: float, fate: Fate, fields: Mapping[str, Any]) -> Sequence[Happening]:
    told = {"state": fate.state, "reason": fate.reason, "message": fate.message}
    data = told | {"at": at, "attempt": 1}
    return (
        Happening(at, "state", data, {**told, **fields, "finished_at": _rfc3339(at)}),
        Happening(at, "end", data),
    )


def _violations(request: Mapping[str, Any]) -> list[Violation]:
    found = [
        Violation(name, "Extra inputs are not permitted", received=repr(request[name])[:80])
        for name in request
        if name not in _FIELDS
    ]
    for name in ("task", "dataset", "network", "publish"):
        if name not in request:
            found.append(Violation(name, "is required"))
        elif not isinstance(request[name], Mapping):
            found.append(Violation(name, "expected a mapping", received=repr(request[name])[:80]))
    if found:
        return found
    if request["task"].get("type") not in TASKS:
        received = repr(request["task"].get("type"))
        found.append(Violation("task", f"expected a type of {', '.join(TASKS)}", None, received))
    if not request["publish"].get("model"):
        found.append(Violation("publish.model", "is required"))
    return found + _training_violations(request.get("training"))


def _training_violations(training: Any) -> list[Violation]:
    if training is None:
        return []
    if not isinstance(training, Mapping):
        return [Violation("training", "expected a mapping", received=repr(training)[:80])]
    epochs = training.get("epochs", 1)
    if isinstance(epochs, int) and epochs >= 1:
        return []
    message = "Input should be greater than or equal to 1"
    return [Violation("training.epochs", message, received=repr(epochs)[:80])]


def _matches(record: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    has = {**record, "task": record["request"]["task"]["type"]}
    return all(not value or has[name] == value for name, value in wanted.items())


def _token(start: int, wanted: Mapping[str, str]) -> str:
    return f"{start}-{digest_of(wanted)[:8]}"


def _start(token: str, wanted: Mapping[str, str]) -> int:
    if not token:
        return 0
    start, _, bound = token.partition("-")
    if start.isdecimal() and bound == digest_of(wanted)[:8]:
        return int(start)
    raise invalid(Violation("page_token", "belongs to another list", received=repr(token)[:80]))


def digest_of(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
