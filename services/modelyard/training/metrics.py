"""What Prometheus learns of training: the worker relays what its trainers say.

Bounded labels only: the model and the split, never a job.
"""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from modelyard.gpus import Usage
from modelyard.job import Job, JobState, Reason
from modelyard.telemetry import DURATION_BUCKETS, LATENCY_BUCKETS


class TrainingMetrics:
    """`modelyard_training_*`, and `modelyard_job_*` as far as a worker knows them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        model = ["model"]
        self._epoch = Gauge(
            "modelyard_training_epoch", "Epochs done by the running job.", model, registry=registry
        )
        self._epochs = Gauge(
            "modelyard_training_epochs", "Epochs asked for.", model, registry=registry
        )
        self._value = Gauge(
            "modelyard_training_value",
            "The loss and the metrics after the last epoch, by split.",
            ["model", "split", "metric"],
            registry=registry,
        )
        self._speed = Gauge(
            "modelyard_training_examples_per_second",
            "Examples per second in the last epoch.",
            model,
            registry=registry,
        )
        self._step = Histogram(
            "modelyard_training_step_seconds",
            "Seconds of one step, as reported every few seconds.",
            model,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._wait = Counter(
            "modelyard_training_data_wait_seconds_total",
            "Seconds in which training waited for its data.",
            model,
            registry=registry,
        )
        self._checkpoints = Counter(
            "modelyard_training_checkpoints_total", "Checkpoints written.", model, registry=registry
        )
        self._busy = Gauge(
            "modelyard_training_worker_busy", "1 while this worker has a job.", registry=registry
        )
        self._gpu_memory = Gauge(
            "modelyard_training_gpu_memory_bytes",
            "Memory in use on this worker's GPU.",
            ["gpu"],
            registry=registry,
        )
        self._gpu_busy = Gauge(
            "modelyard_training_gpu_busy_ratio",
            "Share of the last moments in which this worker's GPU was busy.",
            ["gpu"],
            registry=registry,
        )
        self._finished = Counter(
            "modelyard_job_finished_total",
            "Jobs that this worker brought to an end, by state and reason.",
            ["state", "reason"],
            registry=registry,
        )
        self._queue = Histogram(
            "modelyard_job_queue_seconds",
            "Seconds from submit to the first claim.",
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self._run = Histogram(
            "modelyard_job_run_seconds",
            "Seconds of one attempt.",
            buckets=DURATION_BUCKETS,
            registry=registry,
        )

    def note(self, model: str, event: str, data: Mapping[str, Any]) -> None:
        """An event of `training/attempt.py`."""
        if event == "progress" and data.get("step_seconds"):
            self._step.labels(model).observe(data["step_seconds"])
        elif event == "checkpoint":
            self._checkpoints.labels(model).inc()
        elif event == "epoch":
            self._epoch.labels(model).set(data["epoch"])
            self._epochs.labels(model).set(data["epochs"])
            self._speed.labels(model).set(data.get("examples_per_second", 0))
            self._wait.labels(model).inc(data.get("wait_seconds", 0))
            for name, value in data.get("logs", {}).items():
                split = "validation" if name.startswith("val_") else "train"
                self._value.labels(model, split, name.removeprefix("val_")).set(value)

    def gpu(self, index: str, usage: Usage) -> None:
        self._gpu_memory.labels(index).set(usage.memory_bytes)
        self._gpu_busy.labels(index).set(usage.busy_ratio)

    def busy(self, is_busy: bool) -> None:
        self._busy.set(is_busy)

    def claimed(self, job: Job) -> None:
        if job.attempt == 1 and job.started_at is not None:
            self._queue.observe(job.started_at - job.created_at)

    def attempt(self, seconds: float) -> None:
        self._run.observe(seconds)

    def finished(self, state: JobState, reason: Reason) -> None:
        self._finished.labels(state, reason).inc()
