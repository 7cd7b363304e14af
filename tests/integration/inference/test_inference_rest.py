"""TensorFlow Serving's REST API, asked as its users ask it: with `requests` and JSON."""

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image


@dataclass
class Rest:
    port: int

    def post(self, path: str, body: Any) -> Any:
        """The JSON of an answer; of an error, its status and text."""
        data = {"data": body} if isinstance(body, bytes) else {"json": body}
        return self._shown(requests.post(self._url(path), timeout=20, **data))

    def get(self, path: str) -> Any:
        return self._shown(requests.get(self._url(path), timeout=20))

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _shown(self, answer: requests.Response) -> Any:
        assert answer.headers["content-type"] == "application/json"
        if answer.ok:
            return answer.json()
        body = answer.json()
        assert body.keys() == {"error"}
        return answer.status_code, body["error"]


@pytest.fixture
def rest(start: Any, publish: Any, store: Any) -> Rest:
    publish("times2", "arithmetic", 2)
    publish("times3", "arithmetic", 10)
    store.set_aliases("arithmetic", {"stable": 2})
    publish("images", "images", 1)
    publish.without_manifest("examples", "examples", 7)
    publish("classified", "classified", 1)
    (publish.without_manifest("times2", "broken", 1) / "saved_model.pb").write_bytes(b"garbage")
    return Rest(start(rest_port=0).rest_port)


PREDICT = "/v1/models/arithmetic:predict"


def a_white_pixel() -> bytes:
    file = io.BytesIO()
    Image.new("L", (1, 1), 255).save(file, "PNG")
    return file.getvalue()


def test_the_rest_api_of_tensorflow_serving(rest: Rest) -> None:
    x = [1.0, 2.0, 3.0, 4.0]
    assert rest.post(PREDICT, {"instances": [x]}) == {
        "predictions": [{"y": [3.0, 6.0, 9.0, 12.0], "total": 30.0}]
    }
    # Whole numbers are floats too; keys in other cases than the API's are ignored.
    assert rest.post(PREDICT, {"inputs": [[1, 2, 3, 4]], "more": 1}) == {
        "outputs": {"y": [[3.0, 6.0, 9.0, 12.0]], "total": [30.0]}
    }
    for which in ("/versions/2", "/labels/stable", "/VERSIONS/2"):
        answer = rest.post(f"/v1/models/arithmetic{which}:predict", {"instances": [x]})
        assert answer["predictions"][0]["total"] == 20.0
    pairs = {"signature_name": "pair", "instances": [{"a": 1.5, "b": 2}, {"b": 1, "a": 0.1}]}
    assert rest.post(PREDICT, pairs) == {"predictions": [3.5, 1.1]}  # and not 1.10000002384
    columns = {"signature_name": "pair", "inputs": {"a": [1.5, 0.5], "b": [2, 1]}}
    assert rest.post(PREDICT, columns) == {"outputs": [3.5, 1.5]}
    words = {"signature_name": "words", "instances": ["ab", {"b64": "Y2Q="}]}
    assert rest.post(PREDICT, words) == {
        "predictions": [{"length": 2, "upper": "AB"}, {"length": 2, "upper": "CD"}]
    }
    scalar = {"signature_name": "scalar", "inputs": 7}
    assert rest.post(PREDICT, scalar) == {"outputs": 21.0}
    nan = rest.post(PREDICT, b'{"signature_name": "positive", "instances": [Infinity]}')
    assert nan == {"predictions": [float("inf")]}
    image = {"b64": base64.b64encode(a_white_pixel()).decode()}
    assert rest.post("/v1/models/images:predict", {"instances": [image]}) == {
        "predictions": [{"scores": [0.0, 1.0], "class": "bright"}]
    }
    assert rest.post("/v1/models/images:predict", {"instances": [{"image": image}]}) == {
        "predictions": [{"scores": [0.0, 1.0], "class": "bright"}]
    }

    two = {"examples": [{"x": 3.0}, {"x": [30]}]}
    # A whole number is an int64 feature, which this graph does not parse.
    assert rest.post("/v1/models/examples:classify", two)[0] == 400
    two = {"examples": [{"x": 3.0}, {}], "context": {"x": 30.0}}
    assert rest.post("/v1/models/examples:classify", two) == {
        "results": [[["small", 1.0], ["big", 0.0]], [["small", 0.0], ["big", 1.0]]]
    }
    valued = {**two, "signature_name": "regress"}
    assert rest.post("/v1/models/examples:regress", valued) == {"results": [6.0, 60.0]}
    person = {"examples": [{"height": 190, "colour": "red"}]}
    assert rest.post("/v1/models/classified:classify", person) == {
        "results": [[["short", 0.0], ["tall", 1.0]]]
    }

    ok = {"error_code": "OK", "error_message": ""}
    newest = {"version": "10", "state": "AVAILABLE", "status": ok}
    older = {"version": "2", "state": "AVAILABLE", "status": ok}
    assert rest.get("/v1/models/arithmetic") == {"model_version_status": [newest, older]}
    assert rest.get("/v1/models/arithmetic/versions/2") == {"model_version_status": [older]}
    # TensorFlow Serving ignores a label here.
    assert rest.get("/v1/models/arithmetic/labels/stable") == {
        "model_version_status": [newest, older]
    }
    assert rest.get("/v1/models/broken")["model_version_status"][0]["state"] == "END"

    metadata = rest.get("/v1/models/arithmetic/metadata")
    assert metadata["model_spec"] == {"name": "arithmetic", "signature_name": "", "version": "10"}
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert signatures["scalar"]["inputs"] == {
        "x": {
            "dtype": "DT_FLOAT",
            "tensor_shape": {"dim": [], "unknown_rank": False},
            "name": "scalar_x:0",
        }
    }
    assert signatures["serving_default"]["inputs"]["x"]["tensor_shape"]["dim"] == [
        {"size": "-1", "name": ""},
        {"size": "4", "name": ""},
    ]
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"


def test_what_is_wrong_gets_the_status_and_text_of_tensorflow_serving(rest: Rest) -> None:
    for body, status, text in WRONG_BODIES:
        got = rest.post(PREDICT, body)
        assert got[0] == status, (body, got)
        assert text in got[1], (body, got)
    for path, status, text in WRONG_PATHS:
        got = rest.post(path, {"instances": [[1, 2, 3, 4]]})
        assert got[0] == status, (path, got)
        assert text in got[1], (path, got)
    assert rest.get("/v1/models") == (400, "Missing model name in request.")
    assert rest.get("/v1/models/nobody") == (
        404,
        "Could not find any versions of model nobody",
    )
    assert rest.get("/v1/models/arithmetic:predict")[0] == 400
    assert rest.get("/v2/else")[0] == 404
    assert rest.post("/v1/models/examples:classify", {}) == (
        400,
        "When method is classify or regress, key 'examples' is expected",
    )
    assert rest.post("/v1/models/examples:regress", {"examples": []}) == (400, "Input is empty.")
    assert rest.post("/v1/models/examples:regress", {"examples": [{"x": [1, "a"]}]})[0] == 400
    assert rest.post("/v1/models/examples:regress", {"examples": [{"x": 2**70}]})[0] == 400


WRONG_BODIES: list[tuple[Any, int, str]] = [
    (b"{", 400, "JSON Parse error"),
    (b"\xff", 400, "JSON Parse error"),
    (b"[" * 100_000, 400, "JSON Parse error"),
    ([1], 400, "Request data is not a JSON object"),
    ({}, 400, "Missing 'inputs' or 'instances' key"),
    ({"instances": [1], "inputs": [1]}, 400, "Not expecting both"),
    ({"instances": []}, 400, "No values in 'instances'"),
    ({"instances": 1}, 400, "Expecting 'instances' to be a list"),
    ({"instances": [[1, 2, 3, 4]], "signature_name": 1}, 400, "must be a string"),
    (
        {"instances": [[1]], "signature_name": "nope"},
        400,
        'Serving signature name: "nope" not found in signature def',
    ),
    (
        {"instances": [[1, 2, 3, 4], [1, 2, 3]]},
        400,
        "Failed to process element: 1 of 'instances' list. Error: "
        "Expecting tensor size: 4 but got: 3",
    ),
    (
        {"instances": [["a"] * 4]},
        400,
        'JSON Value: "a" Type: String is not of expected type: float',
    ),
    ({"instances": [[True] * 4]}, 400, "Type: True is not of expected type: float"),
    ({"instances": [[1, 2, 3, 4, 5]]}, 400, "expected [-1, 4], received [1, 5]"),
    (
        {"signature_name": "spin", "instances": [1.0]},
        400,
        "JSON Value: 1.0 Type: Number is not of expected type: int32",
    ),
    ({"signature_name": "pair", "instances": [1.0]}, 400, "named inputs a, b"),
    (
        {"signature_name": "pair", "instances": [{"a": 1.0, "b": 1}, {"a": 1.0}]},
        400,
        "Failed to process element: 1 of 'instances' list. Error: "
        "JSON object: does not have named input: b",
    ),
    ({"signature_name": "pair", "inputs": {"a": [1.0]}}, 400, "Missing named input: b"),
    (
        {"signature_name": "pair", "inputs": {"a": [1.0, 2.0], "b": [1]}},
        400,
        "different numbers of examples",
    ),
    ({"signature_name": "scalar", "instances": [7]}, 400, "expected [], received [1]"),
    ({"signature_name": "words", "instances": [{"b64": "?"}]}, 400, "Unable to base64 decode"),
    ({"signature_name": "positive", "instances": [-1.0]}, 400, "x is below zero"),
]

WRONG_PATHS: list[tuple[str, int, str]] = [
    ("/v1/models/nobody:predict", 404, "Servable not found for request: Latest(nobody)"),
    (
        "/v1/models/arithmetic/versions/7:predict",
        404,
        "Servable not found for request: Specific(arithmetic, 7)",
    ),
    (
        "/v1/models/arithmetic/labels/nope:predict",
        400,
        "Unrecognized servable version label: nope",
    ),
    (f"/v1/models/arithmetic/versions/{'9' * 30}:predict", 400, "Failed to convert version"),
    ("/v1/models/arithmetic", 400, "Malformed request: POST /v1/models/arithmetic"),
    ("/v1/models/arithmetic:guess", 400, "Malformed request"),
    ("/v1/models/%2e%2e%2fsecret:predict", 404, "Servable not found"),
    ("/v1/models/%ff:predict", 404, "Servable not found"),
    ("/v1/", 400, "Malformed request"),
    ("/elsewhere", 404, ""),
]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "instances": JSON,
        "inputs": JSON,
        "examples": JSON,
        "context": JSON,
        "signature_name": st.sampled_from(["pair", "words", "scalar", "", "nope"]) | JSON,
    },
)


def test_no_body_is_a_defect_and_neighbours_are_answered(rest: Rest) -> None:
    """Whatever comes is answered, or refused as the caller's fault; others never notice."""
    wrong: list[Any] = []
    is_over = False

    def neighbour() -> int:
        asked = 0
        while not is_over:
            answer = rest.post(PREDICT, {"instances": [[1, 2, 3, 4]]})
            if answer != {"predictions": [{"y": [3.0, 6.0, 9.0, 12.0], "total": 30.0}]}:
                wrong.append(answer)
            asked += 1
        return asked

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(BODIES | JSON | st.binary(), st.sampled_from(["predict", "classify", "regress"]))
    def throw(body: Any, method: str) -> None:
        data = body if isinstance(body, bytes) else _dumped(body)
        answer = requests.post(
            f"http://127.0.0.1:{rest.port}/v1/models/arithmetic:{method}", data=data, timeout=20
        )
        assert answer.status_code in (200, 400), answer.text

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(neighbour)
        throw()
        is_over = True
        assert asked.result() > 0
    assert wrong == []


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
