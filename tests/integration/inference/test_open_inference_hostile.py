"""The Open Inference Protocol's two doors against what no client should send; neighbours never notice."""

import json
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.wire.open_inference import (
    SERVICE,
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)

X = np.array([[1, 2, 3, 4]], np.float32)
HOSTILE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def service(start: Any, publish: Any) -> Any:
    publish("times3", "arithmetic", 10)
    publish("images", "images", 1)
    return start(rest_port=0)


def infer_of(service: Any) -> Callable[[bytes], bytes]:
    """ModelInfer, of bytes."""
    method: Callable[..., bytes] = service.channel().unary_unary(f"/{SERVICE}/ModelInfer")
    return lambda data: method(data, timeout=20)


def right(**changes: Any) -> Any:
    request = ModelInferRequest(
        model_name="arithmetic",
        inputs=[{"name": "x", "datatype": "FP32", "shape": [1, 4]}],
        raw_input_contents=[X.tobytes()],
    )
    for name, value in changes.items():
        setattr(request, name, value)
    return request


@contextmanager
def neighbour(service: Any) -> Iterator[None]:
    """Asks all the while, and must always be answered rightly."""
    infer, is_over = infer_of(service), False

    def ask() -> int:
        asked = 0
        while not is_over:
            answer = ModelInferResponse.FromString(infer(right().SerializeToString()))
            contents = dict(
                zip([o.name for o in answer.outputs], answer.raw_output_contents, strict=True)
            )
            assert contents["y"] == (3 * X).tobytes()
            asked += 1
        return asked

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        try:
            yield
        finally:
            is_over = True
        assert asked.result() > 0


def code_of(infer: Callable[[bytes], bytes], data: bytes) -> str:
    try:
        infer(data)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def test_wrong_requests_over_grpc(service: Any) -> None:
    infer = infer_of(service)
    prefix = struct.pack("<I", 3_000_000_000) + b"abc"
    typed = right()
    del typed.raw_input_contents[:]
    typed.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
    assert code_of(infer, typed.SerializeToString()) == "OK"
    both = right()
    both.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
    text = ModelInferRequest(
        model_name="arithmetic",
        parameters={"signature_name": {"string_param": "words"}},
        inputs=[{"name": "text", "datatype": "BYTES", "shape": [1]}],
        raw_input_contents=[prefix],
    )
    counted = right()
    counted.raw_input_contents.append(b"")
    twice = right()
    twice.inputs.add(name="x", datatype="FP32", shape=[1, 4])
    twice.raw_input_contents.append(X.tobytes())
    pixels = ModelInferRequest(
        model_name="images",
        inputs=[{"name": "image", "datatype": "BYTES", "shape": [1]}],
        raw_input_contents=[struct.pack("<I", 5) + b"pixel"],
    )
    shared = right()
    shared.inputs[0].parameters["shared_memory_region"].string_param = "region"
    with neighbour(service):
        for request in (both, text, counted, twice, pixels, shared):
            assert code_of(infer, request.SerializeToString()) == "INVALID_ARGUMENT"
        assert code_of(infer, b"\x0a\x02\xff\xfe") == "INVALID_ARGUMENT"  # a name that is no UTF-8
        assert code_of(infer, b"\x0a\xff\xff\xff\xff\x0b") == "INVALID_ARGUMENT"  # 3 GB to come
        # A field that nobody knows is skipped.
        assert code_of(infer, right().SerializeToString() + b"\xfa\x7f\x01a") == "OK"


def test_any_bytes_over_grpc_are_answered(service: Any) -> None:
    infer, good = infer_of(service), right().SerializeToString()

    @HOSTILE
    @given(st.binary(max_size=80), st.integers(0, len(good)), st.integers(0, 8))
    def throw(data: bytes, position: int, cut: int) -> None:
        """Noise alone, or in place of a piece of a right request."""
        assert code_of(infer, data) in ("INVALID_ARGUMENT", "OK")
        spoilt = good[:position] + data + good[position + cut :]
        assert code_of(infer, spoilt) in ("INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "OK")

    with neighbour(service):
        throw()


def test_streams_outlive_what_is_wrong_and_are_bounded(service: Any) -> None:
    stream = service.channel().stream_stream(f"/{SERVICE}/ModelStreamInfer")
    sent = [b"\x0a\x02\xff\xfe", right(id="a").SerializeToString(), right(model_name="no", id="b")]
    sent[-1] = sent[-1].SerializeToString()
    answers = [ModelStreamInferResponse.FromString(each) for each in stream(iter(sent), timeout=20)]
    assert "no ModelInferRequest" in answers[0].error_message
    assert (answers[1].error_message, answers[1].infer_response.id) == ("", "a")
    assert answers[1].infer_response.raw_output_contents
    assert answers[2].error_message == "Request for unknown model: 'no' is not found"
    assert answers[2].infer_response.id == "b"

    with neighbour(service):
        is_over = False

        def nothing() -> Iterator[bytes]:
            while not is_over:
                time.sleep(0.01)
            yield from ()

        held = [stream(nothing(), timeout=60) for _ in range(40)]
        codes = [each.code().name for each in held[32:]]
        is_over = True
        assert codes == ["RESOURCE_EXHAUSTED"] * 8
        assert [each.code().name for each in held[:32]] == ["OK"] * 32


def post(service: Any, body: Any, raw: bytes = b"", **headers: str) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = requests.post(
        f"http://127.0.0.1:{service.rest_port}/v2/models/arithmetic/infer",
        data=data + raw,
        headers=headers,
        timeout=20,
    )
    return answer.status_code, answer.json()


GIVEN = {"name": "x", "shape": [1, 4], "datatype": "FP32"}


def test_wrong_requests_over_http(service: Any) -> None:
    status, answer = post(service, {"id": "7", "inputs": [{**GIVEN, "data": [1, 2, 3, 4]}]})
    assert (status, answer["id"], answer["model_version"]) == (200, "7", "10")
    outputs = {each["name"]: each for each in answer["outputs"]}
    assert outputs["y"] == {
        "name": "y",
        "datatype": "FP32",
        "shape": [1, 4],
        "data": [3.0, 6.0, 9.0, 12.0],
    }
    nested = {"inputs": [{**GIVEN, "data": [[1, 2, 3, 4]]}]}
    assert post(service, nested)[0] == 200
    binary = {"inputs": [{**GIVEN, "parameters": {"binary_data_size": 16}}]}
    length = {"Inference-Header-Content-Length": str(len(json.dumps(binary)))}
    assert post(service, binary, X.tobytes(), **length)[0] == 200
    with neighbour(service):
        for wrong in WRONG:
            assert post(service, wrong)[0] == 400, wrong
        for size in ("999999", "-1", "x", str(2**70)):
            header = {"Inference-Header-Content-Length": size}
            assert post(service, binary, X.tobytes(), **header)[0] == 400
        assert post(service, binary, X.tobytes() + b"more", **length)[0] == 400
        assert post(service, binary, X.tobytes()[:-1], **length)[0] == 400


WRONG: list[Any] = [
    b"{",
    [],
    {},
    {"inputs": 1},
    {"inputs": [1]},
    {"inputs": [{**GIVEN}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3]}]},
    {"inputs": [{**GIVEN, "data": [[1, 2], [3]]}]},
    {"inputs": [{**GIVEN, "data": ["a", "b", "c", "d"]}]},
    {"inputs": [{**GIVEN, "data": {"b64": ""}}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3, 4], "shape": [1, "4"]}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3, 4], "shape": [True, 4]}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3, 4], "datatype": "INT64"}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3, 4], "parameters": {"binary_data_size": 16}}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3, 4]}], "outputs": [{"name": "z"}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3, 4]}], "outputs": [{"name": 1}]},
    {"inputs": [{**GIVEN, "data": [1, 2, 3, 4]}], "parameters": [1]},
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
INPUT = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("x") | JSON,
        "shape": st.just([1, 4]) | JSON,
        "datatype": st.sampled_from(["FP32", "BYTES"]) | JSON,
        "data": st.just([1, 2, 3, 4]) | JSON,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": JSON}) | JSON,
    },
)
BODY = st.fixed_dictionaries(
    {}, optional={"inputs": st.lists(INPUT, max_size=2) | JSON, "outputs": JSON, "parameters": JSON}
)


def test_any_body_over_http_is_answered(service: Any) -> None:
    @HOSTILE
    @given(BODY | JSON | st.binary(max_size=60), st.none() | st.integers(0, 100))
    def throw(body: Any, length: int | None) -> None:
        headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
        status, answer = post(service, body, b"more", **headers)
        assert status in (200, 400, 501), answer

    with neighbour(service):
        throw()
