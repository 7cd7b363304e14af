"""The door: health, reflection, request ids, details of errors, hostile callers, overload, and the end."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from h2.config import H2Configuration
from h2.connection import H2Connection

from modelyard.v1 import text_pb2
from modelyard.wire import tensors
from modelyard.wire.tf_serving import GetModelStatusRequest, PredictRequest, PredictResponse


def predict_stub(channel: grpc.Channel) -> Any:
    return channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        request_serializer=PredictRequest.SerializeToString,
        response_deserializer=PredictResponse.FromString,
    )


def predict_request(model: str = "arithmetic", signature: str = "", **inputs: Any) -> Message:
    request = PredictRequest(model_spec={"name": model, "signature_name": signature})
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tensors.encode(np.asarray(value)))
    return request


def x(rows: int = 1, value: float = 1.0) -> Any:
    return np.full((rows, 4), value, np.float32)


def spin(rounds: int, rows: int = 1) -> Message:
    return predict_request(signature="spin", rounds=np.full(rows, rounds, np.int32))


def rounds_for(call: Any, seconds: float) -> int:
    """How many rounds keep this machine busy for about so long, at least."""
    call(spin(1))
    rounds = 500
    while True:
        started = time.monotonic()
        call(spin(rounds))
        took = time.monotonic() - started
        if took > 0.2:
            return int(rounds * seconds / took) + 1
        rounds *= 2


def details(error: grpc.RpcError) -> dict[str, Any]:
    found = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.RequestInfo(),
        error_details_pb2.RetryInfo(),
    )
    status = rpc_status.from_call(error)
    assert status is not None
    names = set()
    for detail in status.details:
        names |= {message.DESCRIPTOR.name for message in found if detail.Unpack(message)}
    info, request, retry = found
    return {
        "reason": info.reason,
        "request_id": request.request_id,
        "retry": retry.retry_delay.ToNanoseconds() / 1e9 if "RetryInfo" in names else None,
    }


def failure(call: Callable[[], Any]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return raised.value


# Health and reflection ------------------------------------------------------------------------------


def test_health_tells_the_state_of_services_and_models(
    start: Any, publish: Any, store: Any
) -> None:
    publish("times2", "arithmetic", 1)
    publish.without_manifest("times2", "broken", 1).joinpath("saved_model.pb").write_bytes(b"?")
    service = start()
    stub = health_pb2_grpc.HealthStub(service.channel())

    def state(name: str) -> str:
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    names = (
        "",
        "modelyard.v1.VisionService",
        "modelyard.v1.TextService",
        "modelyard.v1.ForecastingService",
        "modelyard.v1.TabularService",
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "PredictionService",
        "ModelService",
        "arithmetic",
    )
    assert {name: state(name) for name in names} == dict.fromkeys(names, "SERVING")
    assert state("broken") == "NOT_SERVING"
    assert failure(lambda: state("nobody")).code() is grpc.StatusCode.NOT_FOUND

    watched: list[int] = []
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="later"))
    watcher = threading.Thread(target=lambda: watched.extend(_statuses(watch)))
    watcher.start()
    service.wait_until(lambda: watched == [health_pb2.HealthCheckResponse.SERVICE_UNKNOWN])
    publish("times2", "later", 1)
    service.wait_until(lambda: watched[-1] == health_pb2.HealthCheckResponse.SERVING)
    watch.cancel()
    watcher.join()


def _statuses(watch: Any) -> Any:
    try:
        for answer in watch:
            yield answer.status
    except grpc.RpcError:
        return


@pytest.mark.parametrize("protocol", ["grpc.reflection.v1alpha", "grpc.reflection.v1"])
def test_reflection_describes_all_services(start: Any, protocol: str) -> None:
    channel = start().channel()
    asking = channel.stream_stream(
        f"/{protocol}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )

    def ask(**question: str) -> Any:
        return next(asking(iter([reflection_pb2.ServerReflectionRequest(**question)])))

    services = {each.name for each in ask(list_services="").list_services_response.service}
    assert services == {
        "modelyard.v1.VisionService",
        "modelyard.v1.TextService",
        "modelyard.v1.ForecastingService",
        "modelyard.v1.TabularService",
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "inference.GRPCInferenceService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    for name in services:
        files = ask(file_containing_symbol=name).file_descriptor_response.file_descriptor_proto
        described = {
            f"{file.package}.{each.name}"
            for file in map(descriptor_pb2.FileDescriptorProto.FromString, files)
            for each in file.service
        }
        assert name in described
    unknown = ask(file_containing_symbol="no.such.Thing").error_response
    assert unknown.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_reflection_can_be_switched_off(start: Any) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(start(reflection=False).channel())
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    error = failure(lambda: next(stub.ServerReflectionInfo(asked)))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


# Requests and errors --------------------------------------------------------------------------------


def test_request_ids_errors_and_metrics(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    service = start()
    call = predict_stub(service.channel())

    answer, rpc = call.with_call(predict_request(x=x()), metadata=[("x-request-id", "trace-me-1")])
    assert tensors.decode("y", answer.outputs["y"]).tolist() == [[2, 2, 2, 2]]
    assert ("x-request-id", "trace-me-1") in [tuple(pair) for pair in rpc.initial_metadata()]

    error = failure(
        lambda: call(predict_request("nobody", x=x()), metadata=[("x-request-id", "t2")])
    )
    assert details(error) == {"reason": "MODEL_NOT_FOUND", "request_id": "t2", "retry": None}
    assert ("x-request-id", "t2") in [tuple(pair) for pair in error.trailing_metadata()]
    made = details(failure(lambda: call(predict_request("nobody", x=x()))))["request_id"]
    assert len(made) == 32
    hostile = failure(
        lambda: call(predict_request("nobody", x=x()), metadata=[("x-request-id", "a b{}c")])
    )
    assert len(details(hostile)["request_id"]) == 32, "not one that we would write into a log"

    failed = [line for line in service.lines() if line["event"] == "call_failed"]
    assert [line["request_id"] for line in failed[:2]] == ["t2", made]
    assert failed[0]["reason"] == "MODEL_NOT_FOUND"
    ok = 'model="arithmetic",signature="serving_default",version="1"'
    api = 'api="PredictionService/Predict"'
    count = "modelyard_inference_request_seconds_count"
    assert service.metric(f'{count}{{{api},code="OK",{ok}}}') == 1
    # A stranger's name for a model must not become a series.
    assert (
        service.metric(f'{count}{{{api},code="NOT_FOUND",model="",signature="",version=""}}') == 3
    )
    assert service.metric(f"modelyard_inference_batch_rows_count{{{ok}}}") == 1
    assert service.metric(f"modelyard_inference_run_seconds_count{{{ok}}}") == 1
    assert service.metric(f"modelyard_inference_queue_seconds_count{{{ok}}}") == 1
    state = 'modelyard_inference_model_state{model="arithmetic",state="AVAILABLE",version="1"}'
    assert service.metric(state) == 1
    assert service.metric("modelyard_inference_in_flight") == 0
    assert service.metric("modelyard_inference_bytes_in_flight") == 0


def test_malformed_messages_are_invalid_arguments(start: Any, publish: Any) -> None:
    publish("texts", "texts", 1)
    channel = start().channel()
    raw = channel.unary_unary("/modelyard.v1.TextService/ClassifyTexts")
    good = text_pb2.ClassifyTextsRequest(model={"name": "texts"}, texts=["seven 7"])
    for broken in (
        good.SerializeToString().replace(b"seven", b"sev\xffn"),  # not UTF-8
        b"\xff" * 40,
        good.SerializeToString()[:-1],
    ):
        error = failure(lambda broken=broken: raw(broken))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert details(error)["reason"] == "MALFORMED_REQUEST"
    assert raw(good.SerializeToString())


def test_a_path_that_is_no_text_ends_nothing(start: Any, publish: Any) -> None:
    """One such request makes the asyncio server of grpcio 1.85 exit; see decision record 0003."""
    publish("times2", "arithmetic", 1)
    service = start()
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/t.T/\xff"),
        (b":authority", b"127.0.0.1"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ]
    for _ in range(3):
        _send_raw(service.port, headers)
    assert service.process.poll() is None
    assert predict_stub(service.channel())(predict_request(x=x()))


def _send_raw(port: int, headers: list[tuple[bytes, bytes]]) -> None:
    config = H2Configuration(
        client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
    )
    connection = H2Connection(config)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        connection.initiate_connection()
        connection.send_headers(1, headers)
        connection.send_data(1, b"\0\0\0\0\0", end_stream=True)
        raw.sendall(connection.data_to_send())
        raw.settimeout(0.5)
        try:
            while raw.recv(65536):
                pass
        except TimeoutError:
            pass


def test_one_bad_row_never_fails_its_neighbours(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    service = start()
    call = predict_stub(service.channel())
    blocker = call.future(spin(rounds_for(call, 1.5)))  # so that the others gather behind it
    values = [4.0, 9.0, -1.0, 16.0, -2.0, 25.0]
    waiting = [
        call.future(predict_request(signature="positive", x=np.array([value], np.float32)))
        for value in values
    ]
    blocker.result()
    answers = []
    for each in waiting:
        error = each.exception()
        answers.append(
            error.code().name
            if error
            else float(tensors.decode("root", each.result().outputs["root"])[0])
        )
    bad = "INVALID_ARGUMENT"
    assert answers == [2.0, 3.0, bad, 4.0, bad, 5.0]
    assert any(line["event"] == "batch_failed" for line in service.lines()), "they shared a batch"


# Bounds and leaving ---------------------------------------------------------------------------------


def test_a_full_queue_says_when_to_come_again(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    service = start(max_queue_rows=8)
    call = predict_stub(service.channel())
    call(predict_request(x=x()))
    blocker = call.future(spin(rounds_for(call, 3.0)))
    service.wait_until(lambda: service.metric("modelyard_inference_in_flight") >= 1)
    waiting = [call.future(predict_request(x=x(rows=2, value=n))) for n in range(4)]
    service.wait_until(lambda: service.metric("modelyard_inference_in_flight") >= 5)

    error = failure(lambda: call(predict_request(x=x())))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert details(error)["reason"] == "QUEUE_FULL"
    assert 0 < details(error)["retry"] <= 5
    assert service.metric('modelyard_inference_rejected_total{reason="queue_full"}') == 1
    assert [tensors.decode("y", each.result().outputs["y"])[1, 1] for each in waiting] == [
        0,
        2,
        4,
        6,
    ]
    blocker.result()
    assert call(predict_request(x=x())), "and then there is room again"


def test_too_many_calls_are_turned_away_and_health_still_answers(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    service = start(threads=2, max_concurrent_calls=4)
    channel = service.channel()
    call = predict_stub(channel)
    rounds = rounds_for(call, 2.0)
    taken = [call.future(spin(rounds)) for _ in range(4)]
    health = health_pb2_grpc.HealthStub(channel)

    def turned_away() -> dict[str, Any] | None:
        error = call.future(predict_request(x=x()), timeout=0.5).exception()
        is_so = error is not None and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        return details(error) if is_so else None

    service.wait_until(lambda: turned_away() is not None)
    told = turned_away()
    assert told is not None
    assert told["reason"] == "TOO_MANY_CALLS"
    assert told["retry"] > 0
    probe = health.Check(health_pb2.HealthCheckRequest(service="arithmetic"), timeout=1.0)
    assert probe.status == health_pb2.HealthCheckResponse.SERVING
    assert all(each.result() for each in taken), "those that were accepted are answered"


def test_bytes_in_flight_are_bounded(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    call = predict_stub(start(max_bytes_in_flight=100_000).channel())
    assert call(predict_request(x=x(rows=1000)))
    error = failure(lambda: call(predict_request(x=x(rows=10_000))))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert details(error)["reason"] == "INPUTS_TOO_LARGE"
    unread = failure(lambda: call(predict_request(x=x(rows=100_000))))
    assert unread.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    # One value that stands for 160 KB is as large as these.
    broadcast = predict_request(x=np.float32(1))
    for size in (10_000, 4):
        broadcast.inputs["x"].tensor_shape.dim.add(size=size)
    assert failure(lambda: call(broadcast)).code() is grpc.StatusCode.INVALID_ARGUMENT
    assert call(predict_request(x=x(rows=1000)))


def test_nobody_works_for_those_who_left(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    service = start()
    call = predict_stub(service.channel())
    call(predict_request(x=x()))
    runs = 'modelyard_inference_run_seconds_count{model="arithmetic",signature="%s",version="1"}'
    before = service.metric(runs % "serving_default")
    blocker = call.future(spin(rounds_for(call, 3.0)))
    service.wait_until(lambda: service.metric("modelyard_inference_in_flight") >= 1)

    expired = [call.future(predict_request(x=x(value=n)), timeout=0.3) for n in range(5)]
    leaving = [call.future(predict_request(x=x(value=n))) for n in range(5)]
    service.wait_until(lambda: service.metric("modelyard_inference_in_flight") >= 11)
    for each in leaving:
        each.cancel()
    codes = {each.exception().code() for each in expired}
    assert codes == {grpc.StatusCode.DEADLINE_EXCEEDED}
    # Their threads are free again while the blocker still runs.
    service.wait_until(lambda: service.metric("modelyard_inference_in_flight") <= 1)
    assert not blocker.done()
    blocker.result()
    assert service.metric(runs % "serving_default") == before, "none of them was run"
    rejected = 'modelyard_inference_rejected_total{reason="%s"}'
    assert service.metric(rejected % "deadline_in_queue") == 5
    assert service.metric(rejected % "caller_left") == 5
    assert not [line for line in service.lines() if line.get("level") == "error"]


def test_sigterm_ends_after_the_calls_in_flight(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    service = start()
    call = predict_stub(service.channel())
    rounds = rounds_for(call, 3.0)
    flying = [call.future(spin(rounds + n)) for n in range(3)]
    service.wait_until(lambda: service.metric("modelyard_inference_in_flight") >= 3)
    with ThreadPoolExecutor(1) as background:
        ended = background.submit(service.terminate)
        service.wait_until(lambda: service.page("/healthz/ready") == (503, "draining\n"))
        assert [tensors.decode("r", f.result().outputs["rounds"])[0] for f in flying] == [
            rounds,
            rounds + 1,
            rounds + 2,
        ]
        assert ended.result() == 0
    assert service.lines()[-1]["event"] == "inference_stopped"
    assert service.lines()[-1]["drained"] is True
    late = failure(lambda: call(predict_request(x=x()), timeout=1.0))
    assert late.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_the_grace_period_is_the_end_even_of_a_long_run(start: Any, publish: Any) -> None:
    publish("times2", "arithmetic", 1)
    service = start(grace_seconds=0.5)
    call = predict_stub(service.channel())
    endless = call.future(spin(2**31 - 1))
    service.wait_until(lambda: service.metric("modelyard_inference_in_flight") >= 1)
    started = time.monotonic()
    assert service.terminate() == 0
    assert time.monotonic() - started < 10
    assert endless.exception() is not None


def test_a_taken_port_is_said(start: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match="inference_cannot_start"):
            start(grpc_port=taken.getsockname()[1])


def test_the_status_of_nothing_is_ready(start: Any) -> None:
    """There may be no model at all: ready is that nothing found at the start is pending."""
    service = start()
    assert service.page("/healthz/ready") == (200, "ok\n")
    status = service.channel().unary_unary(
        "/tensorflow.serving.ModelService/GetModelStatus",
        request_serializer=GetModelStatusRequest.SerializeToString,
    )
    error = failure(lambda: status(GetModelStatusRequest(model_spec={"name": "a"})))
    assert error.code() is grpc.StatusCode.NOT_FOUND


def test_batched_answers_are_those_of_lone_calls(start: Any, publish: Any) -> None:
    publish("times3", "arithmetic", 1)
    service = start()
    call = predict_stub(service.channel())
    random = np.random.default_rng(7)
    inputs = [
        random.normal(size=(rows, 4)).astype(np.float32) for rows in random.integers(1, 9, 200)
    ]
    flying = [call.future(predict_request(x=each)) for each in inputs]
    for each, future in zip(inputs, flying, strict=True):
        outputs = future.result().outputs
        np.testing.assert_array_equal(tensors.decode("y", outputs["y"]), each * np.float32(3))
        np.testing.assert_allclose(
            tensors.decode("total", outputs["total"]), 3 * each.sum(axis=1), rtol=1e-4, atol=1e-5
        )
    labels = 'model="arithmetic",signature="serving_default",version="1"'
    runs = service.metric(f"modelyard_inference_run_seconds_count{{{labels}}}")
    assert runs < len(inputs), "calls shared batches"
    rows = service.metric(f"modelyard_inference_batch_rows_sum{{{labels}}}")
    assert rows == sum(map(len, inputs))
