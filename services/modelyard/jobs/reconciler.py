"""Keeps the promises that a crash left open: takes back lost jobs, rings again, rebuilds from the journal.

Any number may run; every step is a compare-and-set in the store.
"""

import threading
import time

from modelyard import logs
from modelyard.errors import ModelyardError
from modelyard.job import JobState
from modelyard.job_queue import Doorbell
from modelyard.job_store import JobStore
from modelyard.jobs.metrics import JobsMetrics

PING_SECONDS = 60.0
"""How often a doorbell is rung though nothing waits, so that workers learn whether they still hear."""
FORGET_SECONDS = 600.0

log = logs.get(__name__)


class Reconciler:
    def __init__(
        self, store: JobStore, doorbell: Doorbell, metrics: JobsMetrics, *, interval: float
    ) -> None:
        self._store = store
        self._doorbell = doorbell
        self._metrics = metrics
        self._interval = interval
        self._incarnation = ""
        self._pinged_at = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.reconcile()
            except ModelyardError as error:
                log.warning("not reconciled", error=error.message)
            except Exception:
                log.exception("not reconciled")
            self._stopped.wait(self._interval)

    def reconcile(self) -> None:
        self._rebuild()
        for job, state in self._store.rescue():
            log.warning("job taken back from a lost worker", job_id=job, state=state)
            self._metrics.rescued.inc()
        self._store.journal_ends()
        self._ring()

    def _rebuild(self) -> None:
        """At the start, and whenever the store was restarted and may have lost something."""
        incarnation = self._store.incarnation()
        if incarnation == self._incarnation:
            return
        for job in self._store.rebuild():
            log.warning("job restored from the journal", job_id=job)
            self._metrics.restored.inc()
        self._incarnation = incarnation

    def _ring(self) -> None:
        waiting = {
            queue: count
            for (queue, state), count in self._store.counts().items()
            if state is JobState.QUEUED and count > 0
        }
        for queue, count in waiting.items():
            self._doorbell.ring_for(queue, count)
        if time.monotonic() - self._pinged_at > PING_SECONDS:
            self._pinged_at = time.monotonic()
            workers = self._store.workers()
            for name, worker in workers.items():
                if time.time() - worker["seen"] > FORGET_SECONDS:
                    self._store.forget_worker(name)
            queues = [worker["status"]["queue"] for worker in workers.values()]
            for queue in set(queues) - set(waiting):
                self._doorbell.ring_for(queue, queues.count(queue))
