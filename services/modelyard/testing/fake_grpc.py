"""The gRPC door of the fake: the typed services, and health per model."""

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from modelyard.errors import Code, Violation
from modelyard.testing.fake_errors import Refused, invalid
from modelyard.testing.fake_models import FakeModel, FakeModels
from modelyard.testing.fake_troubles import FakeTroubles
from modelyard.v1 import (
    forecasting_pb2,
    forecasting_pb2_grpc,
    model_pb2,
    tabular_pb2,
    tabular_pb2_grpc,
    text_pb2,
    text_pb2_grpc,
    vision_pb2,
    vision_pb2_grpc,
)


class Vision(vision_pb2_grpc.VisionServiceServicer):
    def __init__(self, models: FakeModels) -> None:
        self._models = models

    def ClassifyImages(self, request: Any, context: grpc.ServicerContext) -> Any:
        model, version = self._models.asked(request.model, ("image_classification",))
        images = [
            _image(position, image)
            for position, image in enumerate(_some("images", request.images))
        ]
        results = _classified(model, images, request.top_k)
        return vision_pb2.ClassifyImagesResponse(**_answered(model, version), results=results)


class Text(text_pb2_grpc.TextServiceServicer):
    def __init__(self, models: FakeModels) -> None:
        self._models = models

    def ClassifyTexts(self, request: Any, context: grpc.ServicerContext) -> Any:
        model, version = self._models.asked(request.model, ("text_classification",))
        results = _classified(model, _some("texts", request.texts), request.top_k)
        return text_pb2.ClassifyTextsResponse(**_answered(model, version), results=results)


class Tabular(tabular_pb2_grpc.TabularServiceServicer):
    def __init__(self, models: FakeModels) -> None:
        self._models = models

    def ClassifyRows(self, request: Any, context: grpc.ServicerContext) -> Any:
        model, version = self._models.asked(request.model, ("tabular_classification",))
        rows = list(map(_row, _some("rows", request.rows)))
        results = _classified(model, rows, request.top_k)
        return tabular_pb2.ClassifyRowsResponse(**_answered(model, version), results=results)

    def PredictValues(self, request: Any, context: grpc.ServicerContext) -> Any:
        model, version = self._models.asked(request.model, ("tabular_regression",))
        values = [model.value(_row(row)) for row in _some("rows", request.rows)]
        return tabular_pb2.PredictValuesResponse(**_answered(model, version), values=values)


class Forecasting(forecasting_pb2_grpc.ForecastingServiceServicer):
    def __init__(self, models: FakeModels) -> None:
        self._models = models

    def Forecast(self, request: Any, context: grpc.ServicerContext) -> Any:
        model, version = self._models.asked(request.model, ("forecasting",))
        forecasts = [
            forecasting_pb2.SeriesForecast(
                values=model.next_values(_some(f"series[{n}].values", s.values), request.horizon)
            )
            for n, s in enumerate(_some("series", request.series))
        ]
        return forecasting_pb2.ForecastResponse(**_answered(model, version), forecasts=forecasts)


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpcio-health-checking ships no types
    """Everything that exists is served; models that jobs have published just now, too."""

    def __init__(self, models: FakeModels) -> None:
        self._models = models

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.service and not request.service.startswith("modelyard."):
            self._models.get(request.service)
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


def grpc_server(
    models: FakeModels, troubles: FakeTroubles, settle: Callable[[], None]
) -> tuple[grpc.Server, int]:
    """Started, and its port. `settle` is called before each call: it publishes what has ended."""
    server = grpc.server(
        ThreadPoolExecutor(8),
        interceptors=[_Interceptor(troubles, settle)],
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    vision_pb2_grpc.add_VisionServiceServicer_to_server(Vision(models), server)
    text_pb2_grpc.add_TextServiceServicer_to_server(Text(models), server)
    tabular_pb2_grpc.add_TabularServiceServicer_to_server(Tabular(models), server)
    forecasting_pb2_grpc.add_ForecastingServiceServicer_to_server(Forecasting(models), server)
    health_pb2_grpc.add_HealthServicer_to_server(Health(models), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


class _Interceptor(grpc.ServerInterceptor):
    def __init__(self, troubles: FakeTroubles, settle: Callable[[], None]) -> None:
        self._troubles = troubles
        self._settle = settle

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            self._wrapped(handler.unary_unary, str(handler_call_details.method)),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _wrapped(self, behavior: Callable[..., Any], method: str) -> Callable[..., Any]:
        def behave(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._troubles.meet(method)
                self._settle()
                return behavior(request, context)
            except Refused as error:
                status = error.status(_request_id(context))
                context.abort_with_status(rpc_status.to_status(status))

        return behave


def _classified(model: FakeModel, examples: Sequence[Any], top_k: int) -> list[Any]:
    return [
        model_pb2.Classification(
            classes=[
                model_pb2.ClassScore(name=name, score=score)
                for name, score in list(model.scores(example).items())[: top_k or None]
            ]
        )
        for example in examples
    ]


def _answered(model: FakeModel, version: int) -> dict[str, Any]:
    return {
        "model": model_pb2.ModelSpec(name=model.name, version=version),
        "latency": model_pb2.Latency(queue_seconds=0.0001, run_seconds=0.0002),
    }


def _some(field: str, values: Sequence[Any]) -> Sequence[Any]:
    if not values:
        raise invalid(Violation(field, "is empty", "at least one"))
    return values


def _image(position: int, image: Any) -> bytes:
    content = image.encoded if image.WhichOneof("content") == "encoded" else image.pixels.data
    if not content:
        violation = Violation(f"images[{position}]", "holds no image")
        raise Refused(Code.INVALID_ARGUMENT, "INVALID_REQUEST", str(violation), (violation,))
    return bytes(content)


def _row(row: Any) -> dict[str, Any]:
    def read(value: Any) -> Any:
        kind = value.WhichOneof("kind")
        return None if kind is None else getattr(value, kind)

    return {column: read(value) for column, value in row.values.items()}


def _request_id(context: grpc.ServicerContext) -> str:
    given = dict(context.invocation_metadata() or ()).get("x-request-id")
    return given if isinstance(given, str) else uuid.uuid4().hex
