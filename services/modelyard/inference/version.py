"""A version that is loaded, and how many calls are using it."""

from threading import Condition

from modelyard.inference.batcher import Batcher, Limits
from modelyard.inference.metrics import InferenceMetrics
from modelyard.prediction import ServedVersion
from modelyard.runtimes import Runtime


class LoadedVersion:
    """Every call that uses it holds it; it is unloaded when the last of them has let go."""

    def __init__(
        self,
        served: ServedVersion,
        runtime: Runtime,
        batchable: frozenset[str],
        limits: Limits,
        metrics: InferenceMetrics,
    ) -> None:
        self.served = served
        self.batchable = batchable
        """The signatures whose calls may share a batch."""
        self._runtime = runtime
        self.batcher = Batcher(served.name, served.version, runtime, limits, metrics)
        self._users = 0
        self._unused = Condition()

    def hold(self) -> None:
        with self._unused:
            self._users += 1

    def let_go(self) -> None:
        with self._unused:
            self._users -= 1
            if not self._users:
                self._unused.notify_all()

    def drain(self, timeout: float | None = None) -> bool:
        """Waits for the calls that use it. Nobody may begin to any more."""
        with self._unused:
            return self._unused.wait_for(lambda: not self._users, timeout)

    def unload(self) -> None:
        self.batcher.close()
        self._runtime.close()
