"""What the inference service tells Prometheus. Names of models that were never loaded are no labels."""

from collections.abc import Callable
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from modelyard.telemetry import DURATION_BUCKETS, LATENCY_BUCKETS

_VERSION = ("model", "version")
_SIGNATURE = ("model", "version", "signature")
_ROWS_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

ObserveCall = Callable[[str, str, str, float], None]
STATES = ("START", "LOADING", "AVAILABLE", "UNLOADING", "END")


class InferenceMetrics:
    """Series of a version exist from its loading until `drop`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.request_seconds = Histogram(
            "modelyard_inference_request_seconds",
            "Seconds of a call inside the service, from its decoded request to its answer.",
            (*_SIGNATURE, "api", "code"),
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "modelyard_inference_queue_seconds",
            "Seconds that a call waited for its batch to start.",
            _SIGNATURE,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.run_seconds = Histogram(
            "modelyard_inference_run_seconds",
            "Seconds of one run of a batch.",
            _SIGNATURE,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.batch_rows = Histogram(
            "modelyard_inference_batch_rows",
            "Examples in one batch, padding not counted.",
            _SIGNATURE,
            buckets=_ROWS_BUCKETS,
            registry=registry,
        )
        self.padding_rows = Counter(
            "modelyard_inference_padding_rows",
            "Examples that were only repeated to fill a batch up to a fixed size.",
            _SIGNATURE,
            registry=registry,
        )
        self.load_seconds = Histogram(
            "modelyard_inference_load_seconds",
            "Seconds from the decision to load a version until it answers, or is quarantined.",
            ("model", "outcome"),
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.state = Gauge(
            "modelyard_inference_model_state",
            "1 for the state that a version is in, 0 for all others.",
            (*_VERSION, "state"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "modelyard_inference_in_flight",
            "Calls that are being worked on.",
            registry=registry,
        )
        self.bytes_in_flight = Gauge(
            "modelyard_inference_bytes_in_flight",
            "Bytes of inputs that are waiting or being worked on.",
            registry=registry,
        )
        self.rejected = Counter(
            "modelyard_inference_rejected",
            "Calls that were answered without a run, by the reason: a bound, or a caller who left.",
            ("reason",),
            registry=registry,
        )
        self._observers: list[ObserveCall] = []
        self._live: set[tuple[str, int]] = set()
        self._lock = Lock()

    def show_state(self, model: str, version: int, state: str) -> None:
        with self._lock:
            self._live.add((model, version))
        for known in STATES:
            self.state.labels(model, version, known).set(known == state)

    def drop(self, model: str, version: int) -> None:
        """Forgets a version, so that swaps do not pile up series."""
        with self._lock:
            self._live.discard((model, version))
        metrics: tuple[MetricWrapperBase, ...] = (
            self.request_seconds,
            self.queue_seconds,
            self.run_seconds,
            self.batch_rows,
            self.padding_rows,
            self.state,
        )
        for metric in metrics:
            metric.remove_by_labels({"model": model, "version": str(version)})

    def drop_model(self, model: str) -> None:
        """Forgets a model of which no version is left."""
        self.load_seconds.remove_by_labels({"model": model})
        self.request_seconds.remove_by_labels({"model": model})

    def observe_call(
        self, seconds: float, *, model: str, version: int, signature: str, api: str, code: str
    ) -> None:
        with self._lock:
            is_live = (model, version) in self._live
        # A call may end after the series of its version were dropped; it must not bring them back.
        named = (model, str(version), signature) if is_live else ("", "", "")
        self.request_seconds.labels(*named, api, code).observe(seconds)
        for observe in self._observers:
            observe(api, named[0], code, seconds)

    def also_tell(self, observe: ObserveCall) -> None:
        """Of every call: what it was, its model or "", its code and seconds. Called before the first call."""
        self._observers.append(observe)
