"""The process: everything is built here, once, and ends here."""

import signal
from collections.abc import Sequence
from functools import cache
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector

from modelyard import logs, telemetry
from modelyard.inference import health as health_service
from modelyard.inference import model_service, prediction_service, reflection
from modelyard.inference.alias_metrics import TensorFlowServingMetrics, TritonMetrics
from modelyard.inference.batcher import Limits
from modelyard.inference.byte_budget import ByteBudget
from modelyard.inference.http_door import HttpDoor, HttpLimits, HttpProtocol
from modelyard.inference.interceptors import CallInterceptor
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.model_manager import ModelManager
from modelyard.inference.open_inference import OpenInference
from modelyard.inference.open_inference_rest import OpenInferenceRest
from modelyard.inference.open_inference_service import OpenInferenceService
from modelyard.inference.pool import CallPool
from modelyard.inference.predictor import BatchingPredictor
from modelyard.inference.rest import TensorFlowRest
from modelyard.inference.totals import totals
from modelyard.model_store import ModelStore
from modelyard.prediction import Predictor
from modelyard.runtimes import Runtime
from modelyard.settings import InferenceSettings
from modelyard.tasks.forecasting.servicer import ForecastingServicer
from modelyard.tasks.image_classification.servicer import VisionServicer
from modelyard.tasks.tabular.servicer import TabularServicer
from modelyard.tasks.text_classification.servicer import TextServicer
from modelyard.v1 import (
    forecasting_pb2_grpc,
    tabular_pb2_grpc,
    text_pb2_grpc,
    vision_pb2_grpc,
)
from modelyard.wire import open_inference as open_inference_messages
from modelyard.wire.tf_serving import POOL

log = logs.get(__name__)

TYPED = (
    "modelyard.v1.VisionService",
    "modelyard.v1.TextService",
    "modelyard.v1.ForecastingService",
    "modelyard.v1.TabularService",
)
TF_SERVING = (prediction_service.SERVICE, model_service.SERVICE)

_MESSAGE_BYTES = 2**31 - 1
"""As TensorFlow Serving."""
_ENDING = (signal.SIGTERM, signal.SIGINT)
_EXTRA_RPCS = 64
"""Above `max_concurrent_calls`, for health, reflection and the calls that are turned away."""


class InferenceServer:
    def __init__(self, settings: InferenceSettings) -> None:
        self._settings = settings
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        metrics = InferenceMetrics(self._registry)
        self._health = health_service.Health(
            [
                *TYPED,
                *TF_SERVING,
                *(name.rpartition(".")[2] for name in TF_SERVING),
                open_inference_messages.SERVICE,
            ]
        )
        self._models = ModelManager(
            ModelStore(settings.models),
            _load_runtime,
            Limits(settings.max_batch_rows, settings.max_queue_rows, settings.batch_threads),
            metrics,
            poll_seconds=settings.poll_seconds,
            keep_loaded=settings.keep_loaded,
            on_change=self._health.show_models,
            on_settled=lambda: self._health.show_service(True),
        )
        decoded = ByteBudget(settings.max_bytes_in_flight, metrics.bytes_in_flight)
        predictor = BatchingPredictor(self._models, decoded)
        self._pool = CallPool(settings.threads, settings.max_concurrent_calls)
        received = ByteBudget(settings.max_bytes_in_flight)
        interceptor = CallInterceptor(
            self._pool,
            received,
            metrics,
            untouched=frozenset({health_service.SERVICE}),
            help_url=settings.help_url,
        )
        self._grpc = grpc.server(
            self._pool,
            interceptors=[interceptor],
            options=_options(settings.max_bytes_in_flight),
            maximum_concurrent_rpcs=settings.max_concurrent_calls + _EXTRA_RPCS,
        )
        predictions = prediction_service.PredictionService(predictor, settings.max_bytes_in_flight)
        models = model_service.ModelService(self._models, settings.reload_roots)
        protocol = OpenInference(predictor, self._models, metrics, settings.max_batch_rows)
        open_inference = OpenInferenceService(
            protocol, received, metrics, settings.open_inference_name
        )
        foreign = [predictions.handler(), models.handler(), open_inference.handler()]
        self._add_services(predictor, foreign)
        self._protocols: list[HttpProtocol] = [
            TensorFlowRest(predictor, predictions, models),
            OpenInferenceRest(protocol, settings.open_inference_name),
        ]
        self._received, self._metrics = received, metrics
        self._add_alias_metrics()
        self._rest: HttpDoor | None = None
        self._pages: ThreadingHTTPServer | None = None
        self._is_draining = False
        self.port = 0

    def start(self) -> None:
        """Opens the ports and begins to load. Raises OSError or RuntimeError if a port is taken."""
        settings = self._settings
        self.port = self._grpc.add_insecure_port(_address(settings.grpc_host, settings.grpc_port))
        if settings.rest_port is not None:
            self._rest = self._open_rest(settings.rest_port)
        self._pages = telemetry.serve(
            self._registry,
            settings.metrics_host,
            settings.inference_metrics_port,
            ready=self._ready,
        )
        self._grpc.start()
        if self._rest is not None:
            self._rest.start()
        self._models.start()
        # So that the first version that is ever published does not wait for the import.
        Thread(target=_import_runtime, name="import-runtime", daemon=True).start()
        log.info(
            "inference_started",
            grpc=f"{settings.grpc_host}:{self.port}",
            metrics=f"{settings.metrics_host}:{self._pages.server_port}",
            models=str(settings.models),
            **({"rest": f"{settings.grpc_host}:{self._rest.port}"} if self._rest else {}),
        )

    def stop(self) -> bool:
        """Drains; answers whether every call in flight ended in time."""
        log.info("draining", calls=self._pool.calls, grace_seconds=self._settings.grace_seconds)
        self._is_draining = True
        self._health.enter_graceful_shutdown()
        stopped = self._grpc.stop(self._settings.grace_seconds)
        self._models.stop()
        is_rest_drained = self._rest is None or self._rest.stop(self._settings.grace_seconds)
        stopped.wait(self._settings.grace_seconds + 5.0)
        is_drained = self._pool.calls == 0 and is_rest_drained
        if self._pages is not None:
            self._pages.shutdown()
        log.info("inference_stopped", drained=is_drained)
        return is_drained

    def _ready(self) -> tuple[bool, str]:
        return (False, "draining") if self._is_draining else self._models.ready()

    def _add_alias_metrics(self) -> None:
        settings, metrics = self._settings, self._metrics
        if settings.tf_serving_metrics:
            page = TensorFlowServingMetrics(lambda: totals(metrics))
            metrics.also_tell(page.observe)
            self._protocols.append(page)
        if settings.triton_metrics:
            self._registry.register(TritonMetrics(lambda: totals(metrics)))

    def _open_rest(self, port: int) -> HttpDoor:
        settings = self._settings
        limits = HttpLimits(
            settings.max_rest_connections,
            settings.max_rest_body_bytes,
            settings.rest_timeout_seconds,
        )
        address = (settings.grpc_host, port)
        return HttpDoor(address, self._protocols, self._received, self._metrics, limits)

    def _add_services(
        self, predictor: Predictor, foreign: Sequence[grpc.GenericRpcHandler]
    ) -> None:
        settings, server = self._settings, self._grpc
        vision_pb2_grpc.add_VisionServiceServicer_to_server(VisionServicer(predictor), server)
        text_pb2_grpc.add_TextServiceServicer_to_server(TextServicer(predictor), server)
        forecasting_pb2_grpc.add_ForecastingServiceServicer_to_server(
            ForecastingServicer(predictor), server
        )
        tabular_pb2_grpc.add_TabularServiceServicer_to_server(TabularServicer(predictor), server)
        handlers = [*foreign, self._health.handler()]
        if settings.reflection:
            services = (
                *TYPED,
                *TF_SERVING,
                open_inference_messages.SERVICE,
                health_service.SERVICE,
            )
            handlers += reflection.handlers(services, [POOL, open_inference_messages.POOL])
        server.add_generic_rpc_handlers(tuple(handlers))


def main() -> int:
    """Serves until SIGTERM or SIGINT; 0 after a clean end, 1 if a port cannot be had."""
    settings = InferenceSettings()
    logs.configure(settings.log_level, settings.log_format)
    # Blocked before any thread starts, and waited for by this one: the kernel may hand a signal to a thread
    # of TensorFlow or gRPC, and then a handler would run only once the main thread happens to wake up.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    server = InferenceServer(settings)
    try:
        server.start()
    except (OSError, RuntimeError) as error:
        log.error("inference_cannot_start", error=str(error))
        return 1
    signal.sigwait(_ENDING)
    server.stop()
    return 0


def _load_runtime(path: Path) -> Runtime:
    _import_runtime()
    # TensorFlow takes seconds to import; the ports are open and health is answered meanwhile.
    from modelyard.runtimes import saved_model

    return saved_model.load(path)


@cache
def _import_runtime() -> None:
    from modelyard.runtimes import (  # as above
        device,
        saved_model,  # noqa: F401 - only imported
    )

    gpus = device.configure()
    log.info("runtime_imported", gpus=gpus)


def _options(max_bytes: int) -> Sequence[tuple[str, Any]]:
    return (
        # Far above what can be accepted is not even read; up to there the answer says why, with details.
        ("grpc.max_receive_message_length", min(_MESSAGE_BYTES, 2 * max_bytes)),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),  # a second service on the same port is a mistake
        ("grpc.keepalive_time_ms", 60_000),  # finds connections whose other end is gone
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    )


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
