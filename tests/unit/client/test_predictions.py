"""Typed predictions, against a real gRPC server in this process."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer
from grpc_status import rpc_status

from modelyard.client import Client, InvalidRequest, ScoredClass, Unavailable
from modelyard.errors import Violation
from modelyard.v1 import forecasting_pb2, vision_pb2
from modelyard.v1.forecasting_pb2_grpc import (
    ForecastingServiceServicer,
    add_ForecastingServiceServicer_to_server,
)
from modelyard.v1.vision_pb2_grpc import VisionServiceServicer, add_VisionServiceServicer_to_server

Answer = Callable[[Any, grpc.ServicerContext], Any]


class Vision(VisionServiceServicer):
    answer: Answer

    def ClassifyImages(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self.answer(request, context)


class Forecasting(ForecastingServiceServicer):
    """Repeats the last value."""

    def Forecast(self, request: Any, context: grpc.ServicerContext) -> Any:
        last = request.series[0].values[-1]
        response = forecasting_pb2.ForecastResponse()
        response.model.name, response.model.version = request.model.name, 4
        response.forecasts.add().values.extend([last] * request.horizon)
        response.latency.queue_seconds, response.latency.run_seconds = 0.25, 0.5
        return response


@pytest.fixture
def vision() -> Vision:
    return Vision()


@pytest.fixture
def client(vision: Vision) -> Iterator[Client]:
    server = grpc.server(ThreadPoolExecutor(2))
    add_VisionServiceServicer_to_server(vision, server)
    add_ForecastingServiceServicer_to_server(Forecasting(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(grpc=f"127.0.0.1:{port}", timeout=10, retries=2) as client:
        yield client
    server.stop(None).wait()


def seven(request: Any, context: grpc.ServicerContext) -> Any:
    response = vision_pb2.ClassifyImagesResponse()
    response.model.name, response.model.version = "digits", 3
    for _ in request.images:
        result = response.results.add()
        result.classes.add(name="7", score=0.75)
        result.classes.add(name="1", score=0.25)
    return response


def test_images_in_every_form_arrive_as_they_are(
    client: Client, vision: Vision, tmp_path: Path
) -> None:
    seen: list[Any] = []
    vision.answer = lambda request, context: seen.append(request) or seven(request, context)
    file = tmp_path / "seven.png"
    file.write_bytes(b"\x89PNG")
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)

    answer = client.predict.classify_images("digits", [file, b"\xff\xd8", grey], top_k=2)

    by_path, by_bytes, by_array = seen[0].images
    assert by_path.encoded == b"\x89PNG"
    assert by_bytes.encoded == b"\xff\xd8"
    pixels = by_array.pixels
    assert (pixels.height, pixels.width, pixels.channels) == (2, 3, 1)
    assert pixels.data == bytes(range(6))
    assert seen[0].top_k == 2
    assert (answer.model, answer.version, len(answer.results)) == ("digits", 3, 3)
    assert answer.top == ScoredClass("7", 0.75)


def test_a_version_or_an_alias(client: Client, vision: Vision) -> None:
    seen: list[Any] = []
    vision.answer = lambda request, context: seen.append(request.model) or seven(request, context)
    client.predict.classify_images("digits", [b"x"], version=2)
    client.predict.classify_images("digits", [b"x"], alias="stable")
    client.predict.classify_images("digits", [b"x"])
    assert [model.WhichOneof("choice") for model in seen] == ["version", "alias", None]
    with pytest.raises(InvalidRequest, match="not both"):
        client.predict.classify_images("digits", [b"x"], version=2, alias="stable")


def test_a_forecast(client: Client) -> None:
    answer = client.predict.forecast("airline", [1, 2, 3.5], horizon=2)
    assert answer.series == ((3.5, 3.5),)
    assert (answer.version, answer.timing.queue, answer.timing.run) == (4, 0.25, 0.5)


def test_the_details_of_an_error_reach_the_caller(client: Client, vision: Vision) -> None:
    vision.answer = refuse
    with pytest.raises(InvalidRequest, match="cannot be decoded") as caught:
        client.predict.classify_images("digits", [b"garbage"])
    error = caught.value
    assert error.reason == "BAD_IMAGE"
    assert error.violations == (Violation("images[0]", "not an image"),)
    assert error.request_id == "r9"


def refuse(request: Any, context: grpc.ServicerContext) -> Any:
    details = [
        error_details_pb2.ErrorInfo(reason="BAD_IMAGE", domain="modelyard"),
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field="images[0]", description="not an image"
                )
            ]
        ),
        error_details_pb2.RequestInfo(request_id="r9"),
    ]
    packed = []
    for detail in details:
        packed.append(Packed())
        packed[-1].Pack(detail)
    status = status_pb2.Status(
        code=code_pb2.INVALID_ARGUMENT, message="an image cannot be decoded", details=packed
    )
    context.abort_with_status(rpc_status.to_status(status))


def test_a_busy_moment_is_tried_again(client: Client, vision: Vision) -> None:
    calls: list[int] = []

    def away_at_first(request: Any, context: grpc.ServicerContext) -> Any:
        calls.append(1)
        if len(calls) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "in a moment")
        return seven(request, context)

    vision.answer = away_at_first
    assert client.predict.classify_images("digits", [b"x"]).top.name == "7"
    assert len(calls) == 2


def test_a_model_that_nobody_has_heard_of_is_not_served() -> None:
    health = HealthServicer()
    health.set("digits", health_pb2.HealthCheckResponse.SERVING)
    health.set("sms", health_pb2.HealthCheckResponse.NOT_SERVING)
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(grpc=f"127.0.0.1:{port}") as client:
        served = {name: client.predict.serves(name) for name in ("digits", "sms", "airline")}
    server.stop(None).wait()
    assert served == {"digits": True, "sms": False, "airline": False}


def test_nobody_there() -> None:
    with (
        Client(grpc="127.0.0.1:1", timeout=5) as client,
        pytest.raises(Unavailable, match=r"127\.0\.0\.1:1") as caught,
    ):
        client.predict.classify_texts("sms", ["hello"])
    assert caught.value.reason == "UNREACHABLE"


def test_an_image_of_another_dtype_is_refused_here(client: Client) -> None:
    with pytest.raises(InvalidRequest, match=r"images\[0\].*float64"):
        client.predict.classify_images("digits", [np.zeros((2, 2))])


def test_a_missing_file_is_named(client: Client) -> None:
    with pytest.raises(InvalidRequest, match=r"images\[0\].*no-such\.png"):
        client.predict.classify_images("digits", ["no-such.png"])
