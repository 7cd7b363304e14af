"""The series of TensorFlow Serving and Triton that existing dashboards read, from what is measured anyway.

prometheus_client appends `_total` to every counter, and neither system's names have it: counters are written here as
text, or as series without a type.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from modelyard.errors import ModelyardError, NotFound
from modelyard.inference.http_door import HttpRequest, HttpResponse
from modelyard.inference.policy import Key
from modelyard.inference.totals import Totals

_MICROSECONDS = tuple(10 * 1.8**k for k in range(33))
_GRPC = {
    f"PredictionService/{name}": name
    for name in ("Predict", "Classify", "Regress", "MultiInference")
}
_REST = {f"rest/{name}": name for name in ("predict", "classify", "regress")}
_COUNT = ":tensorflow:serving:request_count"
_EXAMPLES = ":tensorflow:serving:request_example_count_total"

ReadTotals = Callable[[], dict[Key, Totals]]


class TensorFlowServingMetrics:
    """Series of TensorFlow Serving's calls, at its path; see `modelyard.inference.http_door.HttpProtocol`."""

    prefix = "/monitoring/prometheus/metrics"

    def __init__(self, totals: ReadTotals) -> None:
        self._totals = totals
        self._registry = CollectorRegistry()
        self._latency = Histogram(
            ":tensorflow:serving:request_latency",
            "Microseconds of a call that succeeded.",
            ("model_name", "API", "entrypoint"),
            buckets=_MICROSECONDS,
            registry=self._registry,
        )
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def observe(self, api: str, model: str, code: str, seconds: float) -> None:
        """Calls of other protocols, and for models that are not there, are not counted."""
        name = _GRPC.get(api) or _REST.get(api)
        if not name or not model:
            return
        with self._lock:
            self._counts[model, code] += 1
        if code == "OK":
            entrypoint = "GRPC" if api in _GRPC else "REST"
            self._latency.labels(model, name, entrypoint).observe(seconds * 1e6)

    def api_of(self, request: HttpRequest) -> str:
        return "monitoring"

    def status_of(self, error: ModelyardError) -> int:
        return 404 if isinstance(error, NotFound) else 500

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.method != "GET" or request.path != self.prefix:
            raise NotFound("there is nothing at this path", reason="NO_SUCH_PATH")
        return HttpResponse(self._page().encode(), content_type="text/plain")

    def _page(self) -> str:
        with self._lock:
            counts = sorted(self._counts.items())
        examples: Counter[str] = Counter()
        for (model, _), total in self._totals().items():
            examples[model] += total.inferences
        return "".join(
            (
                _counter(
                    _COUNT,
                    ((f'model_name="{_escaped(m)}",status="{s}"', n) for (m, s), n in counts),
                ),
                _counter(
                    _EXAMPLES,
                    ((f'model="{_escaped(m)}"', n) for m, n in sorted(examples.items())),
                ),
                generate_latest(self._registry).decode(),
            )
        )


class TritonMetrics(Collector):
    """`nv_inference_*`, on the page of all other metrics: since each version was loaded, over all protocols."""

    def __init__(self, totals: ReadTotals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        found = sorted(self._totals().items())
        for name, (help_, value) in _TRITON.items():
            # Of no type: a counter would be called `…_total`.
            metric = Metric(name, help_, "unknown")
            for (model, version), total in found:
                metric.add_sample(name, {"model": model, "version": str(version)}, value(total))
            yield metric


_TRITON: dict[str, tuple[str, Callable[[Totals], float]]] = {
    "nv_inference_request_success": ("Calls that were answered.", lambda t: t.successes),
    "nv_inference_request_failure": ("Calls that failed.", lambda t: t.failures),
    "nv_inference_count": ("Examples, those of a batch each.", lambda t: t.inferences),
    "nv_inference_exec_count": ("Runs; one may answer several calls.", lambda t: t.runs),
    "nv_inference_request_duration_us": (
        "Microseconds of all calls that were answered.",
        lambda t: int(t.success_seconds * 1e6),
    ),
    "nv_inference_queue_duration_us": (
        "Microseconds that calls waited for their run.",
        lambda t: int(t.queue_seconds * 1e6),
    ),
    "nv_inference_compute_infer_duration_us": (
        "Microseconds of all runs.",
        lambda t: int(t.run_seconds * 1e6),
    ),
}


def _counter(name: str, series: Iterable[tuple[str, int]]) -> str:
    lines = [f"# TYPE {name} counter\n"]
    lines += [f"{name}{{{labels}}} {value}\n" for labels, value in series]
    return "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
