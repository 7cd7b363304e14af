"""Writes docs/reference/metrics.md from the registries of the services; `make docs` runs it.

Each service's metrics are built in a registry of their own, as the service builds them, and read from there.
"""

from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase
from reference_page import one_line, run, table

from modelyard.inference.metrics import InferenceMetrics
from modelyard.jobs.metrics import JobsMetrics
from modelyard.training.metrics import TrainingMetrics

HEAD = """\
# Metrics

Generated from the registries of the services by `make docs`. Seconds and base units; labels are bounded: no job and no request is one. The series of a version are dropped when it is unloaded.
"""


class _NoStore:
    """A job store that has no jobs; only names and labels are wanted."""

    def counts(self) -> dict[tuple[str, str], int]:
        return {}


def page() -> str:
    store: Any = _NoStore()
    jobs, training, inference = CollectorRegistry(), CollectorRegistry(), CollectorRegistry()
    JobsMetrics(jobs, store)
    TrainingMetrics(training)
    InferenceMetrics(inference)
    sections = (("Jobs API", jobs), ("Worker", training), ("Inference", inference))
    return "\n".join([HEAD, *(_section(title, registry) for title, registry in sections)])


def _section(title: str, registry: CollectorRegistry) -> str:
    head = ["name", "type", "labels", "meaning"]
    rows = [_row(collector, family) for collector, family in _families(registry)]
    return f"## {title}\n\n{table(head, rows)}"


def _families(registry: CollectorRegistry) -> list[tuple[Any, Metric]]:
    collectors = list(registry._collector_to_names)  # no public way leads from a registry to labels
    return [
        (collector, family)
        for collector in collectors
        for family in getattr(collector, "describe", collector.collect)()
    ]


def _row(collector: Any, family: Metric) -> list[str]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in _labels(collector, family))
    return [f"`{name}`", family.type, labels, one_line(family.documentation)]


def _labels(collector: Any, family: Metric) -> tuple[str, ...]:
    source = collector if isinstance(collector, MetricWrapperBase) else family
    return tuple(source._labelnames)


if __name__ == "__main__":
    run("metrics.md", page)
