"""The Celery worker: answers the doorbell, claims one job, watches over its attempt, rings for the next.

Prefork with one child: the main process keeps answering the broker, the child holds the trainer, and each
dies with its parent. TensorFlow is never imported here; a fork of a process that used it would hang.
"""

import mmap
import os
import socket
import threading
import time
from typing import Any

from celery import Celery, signals
from prometheus_client import CollectorRegistry

from modelyard import gpus, logs, telemetry
from modelyard.errors import Unavailable
from modelyard.job_queue import RING, Doorbell, make_app
from modelyard.job_store import JobStore
from modelyard.journal import Journal
from modelyard.model_store import ModelStore
from modelyard.settings import WorkerSettings
from modelyard.training import devices
from modelyard.training.devices import Device
from modelyard.training.metrics import TrainingMetrics
from modelyard.training.supervisor import Supervisor

HEARTBEAT_SECONDS = 2.0
DEAF_SECONDS = 300.0
"""An idle worker that heard no doorbell for this long is not ready: the broker connection may be dead."""

log = logs.get(__name__)


class Worker:
    """Lives in the pool's child; made there, because connections and threads do not survive a fork."""

    def __init__(
        self, settings: WorkerSettings, app: Celery, device: Device, stopping: mmap.mmap
    ) -> None:
        self.name = settings.worker_name or f"{socket.gethostname()}-{os.getppid()}"
        self._settings = settings
        self._stopping = stopping
        self._device = device
        self._doorbell = Doorbell(app)
        self._store = JobStore(
            settings.redis_url.get_secret_value(),
            Journal(settings.journal),
            lease_seconds=settings.lease_seconds,
            max_losses=settings.max_losses,
        )
        registry = CollectorRegistry()
        self._metrics = TrainingMetrics(registry)
        self._supervisor = Supervisor(
            self._store,
            ModelStore(settings.models),
            settings,
            self._metrics,
            device=self._device,
            is_stopping=self.is_stopping,
        )
        self._job = ""
        self._heard_at = time.monotonic()
        telemetry.serve(
            registry, settings.metrics_host, settings.worker_metrics_port, ready=self._ready
        )
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        log.info("worker ready", worker=self.name, queue=settings.queue, device=str(self._device))

    def answer(self) -> None:
        """One doorbell: at most one job. Whatever goes wrong with it, the worker lives on."""
        self._heard_at = time.monotonic()
        if self.is_stopping():
            return
        try:
            lease = self._store.claim_next(self._settings.queue, self.name)
        except Unavailable as error:
            log.warning("nothing claimed", error=str(error))
            return
        if lease is None:
            return
        started = time.monotonic()
        self._job = lease.job
        self._metrics.busy(True)
        try:
            self._supervisor.work(lease)
        except Exception:
            # The lease runs out, and the job is taken back by the reconciler.
            log.exception("attempt given up", job_id=lease.job)
        finally:
            self._job = ""
            self._heard_at = time.monotonic()
            self._metrics.busy(False)
            self._metrics.attempt(time.monotonic() - started)
            self._doorbell.ring(self._settings.queue)

    def is_stopping(self) -> bool:
        return self._stopping[0] != 0

    def _ready(self) -> tuple[bool, str]:
        if self.is_stopping():
            return False, "stopping"
        silent = time.monotonic() - self._heard_at
        if not self._job and silent > DEAF_SECONDS:
            return False, f"no doorbell heard for {silent:.0f} s"
        return True, f"busy with {self._job}" if self._job else "idle"

    def _beat(self) -> None:
        while True:
            status: dict[str, Any] = {
                "queue": self._settings.queue,
                "device": str(self._device),
                "job": self._job,
                "stopping": self.is_stopping(),
            }
            try:
                self._store.heartbeat(self.name, status)
            except Exception as error:  # the store may be away for long; training goes on
                log.debug("no heartbeat", error=str(error))
            if self._device.kind == "gpu" and (usage := gpus.usage(self._device.visible)):
                self._metrics.gpu(self._device.visible, usage)
            time.sleep(HEARTBEAT_SECONDS)


def run(settings: WorkerSettings) -> None:
    """Runs until SIGTERM; a running trainer then writes a checkpoint, and its job goes back to the queue.

    Raises InvalidRequest if the device that it is told to use is not there.
    """
    device = devices.choose(settings.device, gpus=gpus.indexes())
    if device is devices.CPU and settings.device == "auto":
        log.info("no GPU here: training uses the CPU")
    app = make_app(settings.broker)
    stopping = mmap.mmap(-1, 1)  # shared with the child that is forked from here
    worker: list[Worker] = []

    @signals.worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery ships no types
    def note_shutdown(**_: Any) -> None:
        stopping[0] = 1

    @signals.worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery ships no types
    def make_worker(**_: Any) -> None:
        worker.append(Worker(settings, app, device, stopping))

    @signals.setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery ships no types
    def keep_our_logs(**_: Any) -> None:
        pass

    @app.task(name=RING)  # type: ignore[untyped-decorator]  # Celery ships no types
    def ring() -> None:
        worker[0].answer()

    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            "--concurrency=1",
            f"--queues={settings.queue}",
            f"--hostname={settings.worker_name or 'worker'}-{os.getpid()}@%h",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=WARNING",
        ]
    )
