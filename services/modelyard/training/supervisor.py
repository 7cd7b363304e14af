"""Watches over one attempt: starts the trainer, relays what it says, renews the lease, ends it when it must.

One thread does all of it in short turns, so that nothing the trainer does can delay a renewal, and a
worker that was frozen notices as soon as it wakes.
"""

import json
import shutil
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from modelyard import faults, logs
from modelyard.errors import Unavailable
from modelyard.job import Exit, Job, JobState, Reason
from modelyard.job_store import JobStore, Lease, Outcome
from modelyard.model_store import ModelStore
from modelyard.settings import WorkerSettings
from modelyard.training.attempt import Attempt, Event
from modelyard.training.devices import CPU, Device
from modelyard.training.metrics import TrainingMetrics
from modelyard.training.trainer_process import TrainerProcess

TURN_SECONDS = 0.1
FENCE_SHARE = 0.8
"""A trainer is killed when this share of the lease has passed without a renewal, before another may start."""
STALL_STEPS = 20
"""A step that takes this many times the usual one counts as a stall, if `stall_seconds` have passed too."""

log = logs.get(__name__)

T = TypeVar("T")

_FAILURES = {
    Exit.BAD_DATA: Reason.BAD_DATA,
    Exit.NAN_LOSS: Reason.NAN_LOSS,
    Exit.INTERNAL: Reason.INTERNAL,
    Exit.UNVERIFIED: Reason.UNVERIFIED,
    Exit.OOM_GPU: Reason.OOM_GPU,
    Exit.DISK_FULL: Reason.DISK_FULL,
    Exit.BAD_SPEC: Reason.BAD_SPEC,
}


def clock() -> float:
    """Seconds that go on while the process, or the whole machine, is frozen."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass
class _Watch:
    """What one attempt's supervisor remembers between turns."""

    renewed_at: float
    progress_at: float
    step_seconds: float = 0.0
    stop_at: float | None = None
    """When the trainer is killed, if it was told to stop and did not."""
    ended_by: Reason = Reason.NONE
    """Why we ended the trainer: USER, DEADLINE, PREEMPTED, STALLED, WORKER_LOST (the lease was lost)."""
    pending: deque[Event] = field(default_factory=deque)
    """What the trainer said and the store has not heard yet, in order."""
    result: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, Any] = field(default_factory=dict)
    published: bool = False


class Supervisor:
    """Works on one job at a time; `is_stopping` tells that the worker shuts down."""

    def __init__(
        self,
        store: JobStore,
        models: ModelStore,
        settings: WorkerSettings,
        metrics: TrainingMetrics,
        *,
        device: Device = CPU,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._models = models
        self._settings = settings
        self._metrics = metrics
        self._device = device
        self._is_stopping = is_stopping

    def work(self, lease: Lease) -> None:
        """Brings a claimed job one attempt further: to an end, or back to the queue."""
        job = self._store.get(lease.job)
        with logs.bind(job_id=job.id, attempt=job.attempt, fence=lease.fence):
            log.info("claimed", model=job.model)
            self._metrics.claimed(job)
            faults.point("worker.after_claim")
            if self._is_published(job):
                self._commit(lease, job, {})
            else:
                self._attempt(lease, job)

    def _attempt(self, lease: Lease, job: Job) -> None:
        trainer = self._start(lease, job)
        watch = _Watch(renewed_at=clock(), progress_at=clock())
        try:
            while trainer.talking or (watch.pending and self._holds(watch)):
                watch.pending.extend(trainer.listen(TURN_SECONDS))
                self._turn(lease, job, trainer, watch)
        except BaseException:
            trainer.kill()
            raise
        finally:
            code = trainer.end(self._settings.grace_seconds)
        log.info("trainer ended", exit_code=code, ended_by=watch.ended_by)
        self._settle(lease, job, watch, code)

    # ---- one turn

    def _turn(self, lease: Lease, job: Job, trainer: TrainerProcess, watch: _Watch) -> None:
        self._renew(lease, trainer, watch)
        self._relay(lease, job, trainer, watch)
        if self._is_stopping():
            self._stop(trainer, watch, Reason.PREEMPTED)
        if self._has_stalled(watch):
            log.error("trainer stalled", seconds=round(clock() - watch.progress_at))
            self._end(trainer, watch, Reason.STALLED)
        if watch.stop_at is not None and clock() > watch.stop_at:
            trainer.kill()

    def _renew(self, lease: Lease, trainer: TrainerProcess, watch: _Watch) -> None:
        since = clock() - watch.renewed_at
        if since < self._store.lease_seconds / 4:
            return
        if not self._holds(watch):
            log.error("lease not renewed in time", seconds=round(since, 1))
            self._end(trainer, watch, Reason.WORKER_LOST)
            return
        asked_at = clock()
        try:
            renewal = self._store.renew(lease)
        except Unavailable as error:
            log.warning("lease not renewed", error=str(error))
            return
        if not renewal.held:
            self._end(trainer, watch, Reason.WORKER_LOST)
            return
        watch.renewed_at = asked_at
        if renewal.cancel:
            self._stop(trainer, watch, Reason.USER)
        elif renewal.expired:
            self._stop(trainer, watch, Reason.DEADLINE)

    def _holds(self, watch: _Watch) -> bool:
        return clock() - watch.renewed_at < FENCE_SHARE * self._store.lease_seconds

    def _relay(self, lease: Lease, job: Job, trainer: TrainerProcess, watch: _Watch) -> None:
        """Hands on what the trainer said, in order; what the store cannot take now waits."""
        while watch.pending:
            event = watch.pending[0]
            try:
                if "ask" in event:
                    trainer.answer(self._grant(lease, watch, event))
                else:
                    self._note(lease, job, watch, event)
            except Unavailable:
                return
            watch.pending.popleft()

    def _grant(self, lease: Lease, watch: _Watch, event: Event) -> dict[str, Any]:
        refused = {"granted": False}
        if not self._holds(watch) or watch.ended_by in (Reason.WORKER_LOST, Reason.STALLED):
            return refused
        match event["ask"]:
            case "lease":
                return {"granted": self._store.renew(lease).held}
            case "version":
                model = event["model"]
                highest = max(self._models.versions(model), default=0)
                version = self._store.allocate_version(lease, model, highest)
                return refused if version is None else {"granted": True, "version": version}
            case "publish":
                return {"granted": self._store.grant_publish(lease)}
            case unknown:
                log.error("trainer asked for the unknown", ask=unknown)
                return refused

    def _note(self, lease: Lease, job: Job, watch: _Watch, event: Event) -> None:
        kind = event["event"]
        data = {name: value for name, value in event.items() if name != "event"}
        watch.progress_at = clock()
        self._metrics.note(job.model, kind, data)
        fields: dict[str, Any] = {}
        state = None
        match kind:
            case "state":
                state = JobState(data["state"])
            case "progress":
                watch.step_seconds = data.get("step_seconds") or watch.step_seconds
            case "epoch":
                fields = {"epoch": data["epoch"], "epochs": data["epochs"]}
            case "checkpoint":
                fields = {"checkpoint": data["epoch"]}
            case "result":
                watch.result = data
                fields = {name: json.dumps(data[name]) for name in ("metrics", "baseline")}
            case "failed":
                watch.failure = data
            case "published":
                watch.published = True
        shown = None if kind in ("state", "failed") else kind
        self._store.update(lease, state=state, fields=fields, event=shown, data=data)

    # ---- ending a trainer

    def _stop(self, trainer: TrainerProcess, watch: _Watch, why: Reason) -> None:
        """Asks for a last checkpoint, and kills when the grace is over. The first reason stays."""
        if watch.ended_by:
            return
        log.info("trainer told to stop", reason=why)
        watch.ended_by = why
        watch.stop_at = clock() + self._settings.grace_seconds
        trainer.terminate()

    def _end(self, trainer: TrainerProcess, watch: _Watch, why: Reason) -> None:
        if watch.ended_by not in (Reason.USER, Reason.DEADLINE):
            watch.ended_by = why
        trainer.kill()

    def _has_stalled(self, watch: _Watch) -> bool:
        allowed = max(self._settings.stall_seconds, STALL_STEPS * watch.step_seconds)
        return clock() - watch.progress_at > allowed

    # ---- after the trainer

    def _settle(self, lease: Lease, job: Job, watch: _Watch, code: int) -> None:
        """What the end of the trainer means for the job. If the lease is lost, others decide."""
        job = self._retry(lambda: self._store.get(job.id)) or job
        if self._is_published(job):
            self._commit(lease, job, watch.result)
            return
        stopped = code == Exit.AGAIN or code < 0 or code >= 128
        if stopped and watch.ended_by is Reason.USER:
            self._finish(lease, Outcome(JobState.CANCELLED, Reason.USER, "cancelled by request"))
        elif stopped and watch.ended_by is Reason.DEADLINE:
            seconds = job.request["resources"]["max_seconds"]
            message = f"ran longer than resources.max_seconds, which is {seconds}"
            self._finish(lease, Outcome(JobState.EXPIRED, Reason.DEADLINE, message))
        elif code in _FAILURES:
            self._finish(lease, self._failure(watch, code))
        elif code == Exit.AGAIN:
            self._release(lease, Reason.PREEMPTED, "stopped with a checkpoint", is_loss=False)
        elif stopped and watch.ended_by is Reason.PREEMPTED:
            # It was starting up, or did not end in its grace: the last checkpoint has to do.
            self._release(lease, Reason.PREEMPTED, "stopped by its worker", is_loss=False)
        elif watch.ended_by is Reason.STALLED:
            self._release(lease, Reason.STALLED, "the trainer made no progress", is_loss=True)
        else:
            message = f"the trainer ended with {_describe(code)}"
            self._release(lease, Reason.WORKER_LOST, message, is_loss=True)

    def _commit(self, lease: Lease, job: Job, result: Mapping[str, Any]) -> None:
        """The version is visible: all that is left is idempotent, and repeated by a retry until it is done."""
        assert job.version is not None
        manifest = self._models.manifest(job.model, job.version)
        metrics = result.get("metrics") or (manifest.metrics if manifest else {})
        baseline = result.get("baseline") or (manifest.baseline if manifest else {})
        aliases = job.request["publish"]["aliases"]
        if aliases:
            self._models.set_aliases(job.model, dict.fromkeys(aliases, job.version))
        faults.point("commit.before_finish")
        message = f"published {job.model} version {job.version}"
        outcome = Outcome(JobState.SUCCEEDED, message=message, metrics=metrics, baseline=baseline)
        if self._finish(lease, outcome):
            removed = self._models.retain(job.model, self._settings.keep_versions)
            shutil.rmtree(self._settings.work / job.id / "checkpoint", ignore_errors=True)
            log.info("published", model=job.model, version=job.version, removed=removed)

    def _failure(self, watch: _Watch, code: int) -> Outcome:
        failure = watch.failure
        reason = Reason(failure.get("reason") or _FAILURES[code])
        message = failure.get("message") or f"the trainer ended with exit code {code}"
        return Outcome(JobState.FAILED, reason, message, tuple(failure.get("violations", ())))

    def _finish(self, lease: Lease, outcome: Outcome) -> bool:
        finished = bool(self._retry(lambda: self._store.finish(lease, outcome)))
        if finished:
            self._metrics.finished(outcome.state, outcome.reason)
        log.info("finished", state=outcome.state, reason=outcome.reason, accepted=finished)
        return finished

    def _release(self, lease: Lease, reason: Reason, message: str, *, is_loss: bool) -> None:
        state = self._retry(lambda: self._store.release(lease, reason, message, is_loss=is_loss))
        if state is JobState.FAILED:
            self._metrics.finished(state, Reason.POISON)
        log.info("given back", reason=reason, detail=message, state=state)

    def _retry(self, step: Callable[[], T]) -> T | None:
        """Repeats a step while the store is away, as long as a lease could last; None if it stays away."""
        give_up = clock() + 2 * self._store.lease_seconds
        while True:
            try:
                return step()
            except Unavailable as error:
                if clock() > give_up:
                    log.error("the store stayed away", error=str(error))
                    return None
                time.sleep(TURN_SECONDS)

    def _is_published(self, job: Job) -> bool:
        return job.version is not None and self._models.published_by(job.id, job.model, job.version)

    # ---- starting a trainer

    def _start(self, lease: Lease, job: Job) -> TrainerProcess:
        folder = (self._settings.work / job.id).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        device = CPU if job.request["resources"]["device"] == "cpu" else self._device
        attempt = Attempt(
            job=job.id,
            fence=lease.fence,
            request=job.parsed(),
            models=self._models.root.absolute(),
            datasets=self._settings.datasets.absolute(),
            work=folder,
            device=device.kind,
            keep_golden=self._settings.keep_golden,
        )
        return TrainerProcess(attempt, device)


def _describe(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
