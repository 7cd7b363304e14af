"""What every version has answered since it was loaded, read back from the metrics: the protocols' own counters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics import MetricWrapperBase

from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.policy import Key


@dataclass
class Totals:
    successes: int = 0
    success_seconds: float = 0.0
    failures: int = 0
    failure_seconds: float = 0.0
    queued: int = 0
    queue_seconds: float = 0.0
    runs: int = 0
    """A run answers several calls, so there are fewer."""
    run_seconds: float = 0.0
    batched_runs: int = 0
    rows: int = 0

    @property
    def inferences(self) -> int:
        """Examples; a call that cannot share a batch counts as one."""
        return self.rows + self.runs - self.batched_runs


def totals(metrics: InferenceMetrics) -> dict[Key, Totals]:
    """By model and version, of all signatures and transports together."""
    found: dict[Key, Totals] = {}
    for key, labels, suffix, value in _samples(metrics.request_seconds):
        # Calls for what a version is, and what it was, are no inferences.
        if not labels["signature"]:
            continue
        each = found.setdefault(key, Totals())
        is_ok = labels["code"] == "OK"
        if suffix == "_count" and is_ok:
            each.successes += int(value)
        elif suffix == "_count":
            each.failures += int(value)
        elif suffix == "_sum" and is_ok:
            each.success_seconds += value
        elif suffix == "_sum":
            each.failure_seconds += value
    for key, _, suffix, value in _samples(metrics.queue_seconds):
        each = found.setdefault(key, Totals())
        each.queued += int(value) if suffix == "_count" else 0
        each.queue_seconds += value if suffix == "_sum" else 0.0
    for key, _, suffix, value in _samples(metrics.run_seconds):
        each = found.setdefault(key, Totals())
        each.runs += int(value) if suffix == "_count" else 0
        each.run_seconds += value if suffix == "_sum" else 0.0
    for key, _, suffix, value in _samples(metrics.batch_rows):
        each = found.setdefault(key, Totals())
        each.batched_runs += int(value) if suffix == "_count" else 0
        each.rows += int(value) if suffix == "_sum" else 0
    return found


def _samples(metric: MetricWrapperBase) -> Iterator[tuple[Key, Mapping[str, str], str, float]]:
    """Version, labels, what it is of the histogram, and its value."""
    for family in metric.collect():
        for sample in family.samples:
            if sample.labels.get("version", "").isdigit():
                key = (sample.labels["model"], int(sample.labels["version"]))
                yield key, sample.labels, sample.name.removeprefix(family.name), sample.value
