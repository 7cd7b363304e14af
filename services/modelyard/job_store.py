"""The job records in Redis: submit, claim, renew, finish, rescue.

The steps themselves are in `job_store.lua`: each is atomic, and fenced where a worker takes it. What is
promised to a user is in the journal before the promise is made, so that a lost Redis can be rebuilt.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from modelyard import faults
from modelyard.errors import (
    AlreadyExists,
    InternalError,
    InvalidRequest,
    NotFound,
    ResourceExhausted,
    Unavailable,
)
from modelyard.job import Job, JobRequest, JobState, Reason
from modelyard.journal import Entry, Journal

PREFIX = "modelyard:"
KEY_SECONDS = 7 * 24 * 3600
"""How long an idempotency key is remembered by the store; the journal remembers it for ever."""

_MOST_LOOKED_AT = 2000
"""Jobs that one page looks at for those that fit: the server does nothing else meanwhile."""

_SCRIPT = Path(__file__).with_suffix(".lua").read_text()


@dataclass(frozen=True)
class Lease:
    """The right of one worker to work on a job, as long as it is renewed."""

    job: str
    fence: int
    owner: str


@dataclass(frozen=True)
class Renewal:
    held: bool
    cancel: bool = False
    expired: bool = False


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended the job."""

    state: JobState
    reason: Reason = Reason.NONE
    message: str = ""
    violations: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, float] | None = None
    baseline: Mapping[str, float] | None = None


@dataclass(frozen=True)
class StoredEvent:
    """`id` grows; a watcher that names the last one it saw gets those after it."""

    id: str
    event: str
    data: dict[str, Any]


class JobStore:
    """Every method raises Unavailable when the store does not answer in time."""

    def __init__(
        self,
        url: str,
        journal: Journal,
        *,
        lease_seconds: float = 30.0,
        max_losses: int = 3,
        max_open_jobs: int = 100_000,
        prefix: str = PREFIX,
    ) -> None:
        # A call must fail well before a lease does, or the holder could not tell in time.
        timeout = min(5.0, lease_seconds / 4)
        self._redis: Any = (
            redis.Redis.from_url(  # its stubs mix the answers of the asynchronous client in
                url,
                decode_responses=True,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                health_check_interval=10,
            )
        )
        self._script = self._redis.register_script(_SCRIPT)
        self._prefix = prefix
        self.journal = journal
        self.lease_seconds = lease_seconds
        self._max_losses = max_losses
        self._max_open_jobs = max_open_jobs

    # ---- what a user asks for

    def submit(
        self, request: JobRequest, *, key: str = "", queue: str = "train", parent: str = ""
    ) -> Job:
        """Durable when it returns. The same key and request answer the first job.

        `parent` is the job that this one repeats or changes, if there is one.
        Raises AlreadyExists if the key came with another request, ResourceExhausted if too many jobs are open.
        """
        body = request.model_dump(mode="json")
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        hashed = hashlib.sha256(key.encode()).hexdigest() if key else ""
        known = self._known(hashed, digest)
        if known:
            return self.get(known)
        if self.open_count() >= self._max_open_jobs:
            raise ResourceExhausted(
                f"{self._max_open_jobs} jobs are open already",
                reason="TOO_MANY_JOBS",
                retry_after=60,
            )
        job = _job_id(request, hashed)
        accepted = {"request": body, "digest": digest, "key": hashed, "queue": queue}
        if parent:
            accepted["parent"] = parent
        self.journal.accept(job, accepted)
        faults.point("submit.after_journal")
        answer = self._restore(Entry(job, accepted, 0, None, False, None))
        if answer["conflict"]:
            raise _reused()
        return self.get(answer["id"])

    def cancel(self, job: str) -> Job:
        """A waiting job ends at once, a running one after its last checkpoint.

        One that has ended, or is about to publish, stays as it is.
        """
        self.get(job)
        if self._run("cancel", id=job)["taken"]:
            self.journal.append(job, "cancel")
            self.journal_ends()
        return self.get(job)

    def get(self, job: str) -> Job:
        with _unavailable():
            record: dict[str, str] = self._redis.hgetall(self._key("job", job))
        if "state" not in record:
            raise NotFound(f"there is no job {job!r}", reason="JOB_NOT_FOUND")
        return _job(record)

    def page(
        self,
        *,
        state: JobState | None = None,
        model: str = "",
        name: str = "",
        task: str = "",
        limit: int = 50,
        page_token: str = "",
    ) -> tuple[list[Job], str]:
        """Newest first, and the token of the next page; empty at the end. `task` is the type of one.

        A page may be short where few jobs fit the filter: only the token tells the end. Raises InvalidRequest
        if the token is of a list with another filter.
        """
        asked = {"state": state or "", "model": model, "name": name, "task": task}
        fields = {field: str(value) for field, value in asked.items() if value}
        answer = self._run(
            "page",
            filter=fields,
            limit=limit,
            most=_MOST_LOOKED_AT,
            after=_read_token(page_token, fields) if page_token else None,
        )
        jobs = self._records(list(answer["ids"]))
        return jobs, _write_token(answer, fields) if answer["more"] else ""

    def _records(self, ids: list[str]) -> list[Job]:
        with _unavailable(), self._redis.pipeline(transaction=False) as pipeline:
            for job in ids:
                pipeline.hgetall(self._key("job", job))
            records = pipeline.execute()
        return [_job(record) for record in records if "state" in record]

    def epochs(self, job: str) -> list[dict[str, Any]]:
        """What each epoch came to, in order; one that was done twice as it was done the last time."""
        with _unavailable():
            texts: list[str] = self._redis.hvals(self._key("epochs", job))
        return sorted(map(json.loads, texts), key=lambda data: int(data["epoch"]))

    def events(self, job: str, *, after: str = "0") -> list[StoredEvent]:
        """What happened after an event, the first thousand."""
        with _unavailable():
            answer = self._redis.xread({self._key("events", job): after}, count=1000)
        return stored_events(answer)

    # ---- what a worker asks for

    def claim_next(self, queue: str, worker: str) -> Lease | None:
        """The next waiting job, now leased to this worker; None if none waits."""
        owner = f"{worker}/{secrets.token_hex(8)}"
        answer = self._run(
            "claim_next", queue=queue, worker=worker, owner=owner, lease_ms=self._lease_ms
        )
        if "id" not in answer:
            return None
        lease = Lease(answer["id"], answer["fence"], owner)
        self.journal.append(lease.job, "claimed", fence=lease.fence, worker=worker)
        return lease

    def renew(self, lease: Lease) -> Renewal:
        return Renewal(**self._fenced("renew", lease, lease_ms=self._lease_ms))

    def update(
        self,
        lease: Lease,
        *,
        state: JobState | None = None,
        fields: Mapping[str, Any] | None = None,
        event: str | None = None,
        data: Mapping[str, Any] | None = None,
        progress: bool = True,
    ) -> bool:
        """Notes what the trainer said. False if the lease is lost."""
        answer = self._fenced(
            "update",
            lease,
            state=state,
            fields=dict(fields or {}),
            event=event,
            data=dict(data or {}),
            progress=progress,
        )
        return bool(answer["held"])

    def allocate_version(self, lease: Lease, model: str, floor: int) -> int | None:
        """The job's version number, the same for every attempt; above `floor`. None if the lease is lost."""
        answer = self._fenced("allocate", lease, model=model, floor=floor)
        if not answer["held"]:
            return None
        self.journal.append(lease.job, "version", model=model, version=answer["version"])
        version: int = answer["version"]
        return version

    def grant_publish(self, lease: Lease) -> bool:
        return bool(self._fenced("grant_publish", lease, lease_ms=self._lease_ms)["held"])

    def finish(self, lease: Lease, outcome: Outcome) -> bool:
        """False if the lease is lost, or another end came first."""
        fields: dict[str, str] = {"violations": json.dumps(list(outcome.violations))}
        if outcome.metrics is not None:
            fields["metrics"] = json.dumps(dict(outcome.metrics))
        if outcome.baseline is not None:
            fields["baseline"] = json.dumps(dict(outcome.baseline))
        answer = self._fenced(
            "finish",
            lease,
            state=outcome.state,
            reason=outcome.reason,
            message=outcome.message,
            fields=fields,
        )
        faults.point("finish.before_journal")
        self.journal_ends()
        return bool(answer["held"])

    def release(
        self, lease: Lease, reason: Reason, message: str, *, is_loss: bool
    ) -> JobState | None:
        """Gives the job back to the queue; a loss without progress counts towards POISON."""
        answer = self._fenced(
            "release",
            lease,
            reason=reason,
            message=message,
            is_loss=is_loss,
            max_losses=self._max_losses,
        )
        self.journal_ends()
        return JobState(answer["state"]) if answer["held"] else None

    def heartbeat(self, worker: str, status: Mapping[str, Any]) -> None:
        self._run("heartbeat", worker=worker, status=dict(status))

    # ---- what keeps the promises

    def rescue(self) -> list[tuple[str, JobState]]:
        """Takes back the jobs whose lease ran out; answers them with their new state."""
        answer = self._run("rescue", max_losses=self._max_losses)
        self.journal_ends()
        return [(r["id"], JobState(r["state"])) for r in list(answer["rescued"])]

    def journal_ends(self) -> None:
        """Writes the end of every job that is not in the journal yet."""
        with _unavailable():
            ids: set[str] = self._redis.smembers(self._key("unjournaled"))
            for id_ in ids:
                job = self.get(id_)
                self.journal.append(id_, "end", **job.model_dump(mode="json", include=_END_FIELDS))
                self._redis.srem(self._key("unjournaled"), id_)

    def rebuild(self) -> list[str]:
        """Restores every job that the journal knows and the store does not; answers their ids.

        Open jobs go back to the queue with the fence and version that they had.
        """
        with _unavailable():
            known = set(self._redis.zrange(self._key("jobs"), 0, -1))
        restored = []
        for job in sorted(set(self.journal.ids()) - known):
            entry = self.journal.read(job)
            if entry is not None and self._restore(entry)["created"]:
                restored.append(job)
        return restored

    # ---- what can be known

    def counts(self) -> dict[tuple[str, JobState], int]:
        """How many jobs are in a state, by queue."""
        with _unavailable():
            raw: dict[str, str] = self._redis.hgetall(self._key("counts"))
        counted = ((name.rpartition("|"), int(count)) for name, count in raw.items())
        return {(queue, JobState(state)): count for (queue, _, state), count in counted}

    def open_count(self) -> int:
        return sum(n for (_, state), n in self.counts().items() if not state.terminal)

    def workers(self) -> dict[str, dict[str, Any]]:
        with _unavailable():
            raw: dict[str, str] = self._redis.hgetall(self._key("workers"))
        return {name: json.loads(text) for name, text in raw.items()}

    def forget_worker(self, worker: str) -> None:
        with _unavailable():
            self._redis.hdel(self._key("workers"), worker)

    def incarnation(self) -> str:
        """Changes when the store was restarted, and may have lost something."""
        with _unavailable():
            return str(self._redis.info("server")["run_id"])

    def ping(self) -> bool:
        try:
            with _unavailable():
                return bool(self._redis.ping())
        except Unavailable:
            return False

    def close(self) -> None:
        self._redis.close()

    # ---- inside

    @property
    def _lease_ms(self) -> int:
        return int(self.lease_seconds * 1000)

    def _key(self, *parts: str) -> str:
        return self._prefix + ":".join(parts)

    def _known(self, hashed: str, digest: str) -> str | None:
        if not hashed:
            return None
        with _unavailable():
            known = self._redis.hmget(self._key("key", hashed), "id", "digest")
        job: str | None
        job, known_digest = known
        if job and known_digest != digest:
            raise _reused()
        return job

    def _restore(self, entry: Entry) -> dict[str, Any]:
        accepted = entry.accepted
        body = accepted["request"]
        return self._run(
            "submit",
            id=entry.id,
            key=accepted["key"],
            key_seconds=KEY_SECONDS,
            digest=accepted["digest"],
            queue=accepted["queue"],
            priority=0,
            parent=accepted.get("parent"),
            name=body.get("name") or "",
            task=body["task"]["type"],
            model=body["publish"]["model"],
            epochs=body["training"]["epochs"],
            max_ms=body["resources"]["max_seconds"] * 1000,
            request=json.dumps(body),
            fence=entry.fence,
            version=entry.version,
            cancel=entry.cancel_requested,
            end=entry.end and {**entry.end, "violations": json.dumps(entry.end["violations"])},
        )

    def _fenced(self, action: str, lease: Lease, **args: Any) -> dict[str, Any]:
        return self._run(action, id=lease.job, fence=lease.fence, owner=lease.owner, **args)

    def _run(self, action: str, **args: Any) -> dict[str, Any]:
        given = {name: value for name, value in args.items() if value is not None}
        with _unavailable():
            answer = self._script(keys=[self._prefix], args=[action, json.dumps(given)])
        decoded: dict[str, Any] = json.loads(answer)
        return decoded


def stored_events(answer: Any) -> list[StoredEvent]:
    """The answer of XREAD for one stream: a dict by RESP3, a list of pairs by RESP2, or nothing."""
    if not answer:
        return []
    streams = answer.items() if isinstance(answer, dict) else answer
    (_, entries), *_ = streams
    if isinstance(answer, dict):
        (entries,) = entries
    return [StoredEvent(i, fields["event"], json.loads(fields["data"])) for i, fields in entries]


_END_FIELDS = {"state", "reason", "message", "violations", "metrics", "baseline"}


class _unavailable:
    """Turns what redis-py raises into the error tree."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, redis.ConnectionError | redis.TimeoutError | redis.BusyLoadingError):
            raise Unavailable(f"the job store does not answer: {error}", retry_after=5) from error
        if isinstance(error, redis.RedisError):
            raise InternalError(f"the job store refused a step: {error}") from error


def _job(record: Mapping[str, str]) -> Job:
    return Job(
        id=record["id"],
        name=record["name"],
        parent=record.get("parent", ""),
        queue=record["queue"],
        request=json.loads(record["request"]),
        digest=record["digest"],
        state=JobState(record["state"]),
        reason=Reason(record.get("reason", "")),
        message=record.get("message", ""),
        violations=tuple(json.loads(record.get("violations", "[]"))),
        model=record["model"],
        version=int(record["version"]) if "version" in record else None,
        attempt=int(record.get("attempt", 0)),
        fence=int(record.get("fence", 0)),
        losses=int(record.get("losses", 0)),
        worker=record.get("worker", ""),
        epoch=int(record.get("epoch", 0)),
        epochs=int(record.get("epochs", 0)),
        metrics=json.loads(record.get("metrics", "{}")),
        baseline=json.loads(record.get("baseline", "{}")),
        created_at=_seconds(record["created"]),
        started_at=_seconds(record["started"]) if "started" in record else None,
        finished_at=_seconds(record["finished"]) if "finished" in record else None,
        last_progress_at=_seconds(record["progress"]) if "progress" in record else None,
        cancel_requested=record.get("cancel") == "1",
    )


def _seconds(milliseconds: str) -> float:
    return float(milliseconds) / 1000


def _job_id(request: JobRequest, hashed_key: str) -> str:
    """`digits-k3f9q2mzax`: random, or the key's own, so that a repeated submit finds the same journal entry."""
    label = request.name or request.publish.model
    random = bytes.fromhex(hashed_key)[:8] if hashed_key else secrets.token_bytes(8)
    return f"{label[:40]}-{base64.b32encode(random).decode().lower()[:10]}"


def _reused() -> AlreadyExists:
    return AlreadyExists(
        "this idempotency key was used for another request", reason="IDEMPOTENCY_KEY_REUSED"
    )


def _write_token(answer: Mapping[str, str], filter: Mapping[str, str]) -> str:
    text = f"{answer['score']}:{_mark(filter)}:{answer['id']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str, filter: Mapping[str, str]) -> dict[str, str]:
    try:
        padded = token + "=" * (-len(token) % 4)
        score, mark, job = base64.urlsafe_b64decode(padded).decode().split(":", 2)
        known = _SCORE.fullmatch(score) is not None and mark == _mark(filter)
    except ValueError:
        known = False
    if not known:
        raise InvalidRequest.of(
            "page_token", "is not one that this API gave out for this list", received=token[:80]
        )
    return {"score": score, "id": job}


_SCORE = re.compile(r"[0-9]{1,16}")


def _mark(filter: Mapping[str, str]) -> str:
    """Binds a token to its list: elsewhere it would skip jobs in silence."""
    return hashlib.sha256(json.dumps(filter, sort_keys=True).encode()).hexdigest()[:8]
