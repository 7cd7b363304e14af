"""What Prometheus learns of jobs: `modelyard_job_*` of this process, `modelyard_jobs` from the store."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from modelyard.errors import ModelyardError
from modelyard.job_store import JobStore
from modelyard.telemetry import LATENCY_BUCKETS


class JobsMetrics:
    def __init__(self, registry: CollectorRegistry, store: JobStore) -> None:
        self.registry = registry
        self.submitted = Counter(
            "modelyard_job_submitted_total",
            "Jobs accepted, by task and network.",
            ["task", "network"],
            registry=registry,
        )
        self.rescued = Counter(
            "modelyard_job_rescued_total",
            "Jobs taken back from workers whose lease ran out.",
            registry=registry,
        )
        self.restored = Counter(
            "modelyard_job_restored_total",
            "Jobs restored from the journal after the store lost them.",
            registry=registry,
        )
        self.requests = Histogram(
            "modelyard_http_request_seconds",
            "Seconds of HTTP requests, by route, method and status.",
            ["route", "method", "status"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        registry.register(_JobCounts(store))


class _JobCounts(Collector):
    """Read from the store when Prometheus asks: the same whichever process answers."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [_family()]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        jobs = _family()
        try:
            for (queue, state), count in self._store.counts().items():
                jobs.add_metric([state, queue], count)
        except ModelyardError:
            return []
        return [jobs]


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "modelyard_jobs", "Jobs by state and queue.", labels=["state", "queue"]
    )
