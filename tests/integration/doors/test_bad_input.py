"""Everything that can be wrong comes in through every door, is refused for the right reason, and hurts nobody.

A row is one kind of bad input: the door, what is sent, and the code, the reason and the field of the answer.
"""

import copy
import io
import json
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from modelyard.errors import Code
from modelyard.reasons import REASONS
from modelyard.v1 import forecasting_pb2, model_pb2, tabular_pb2, text_pb2, vision_pb2
from modelyard.wire import tf_serving

pytestmark = pytest.mark.timeout(300)  # the first test starts everything and trains four models

# One that is right in every way; each row of the first table breaks one thing of it.
GOOD: dict[str, Any] = {
    "name": "digits",
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "cnn", "filters": [4], "units": [8]},
    "training": {"epochs": 1, "batch_size": 32, "optimizer": {"type": "adam"}},
    "publish": {"model": "untouched"},
}
TABLE: dict[str, Any] = {
    "task": {"type": "tabular_regression", "target": "rings"},
    "dataset": {"type": "csv", "source": "builtin://abalone"},
    "network": {"type": "dense", "units": [8]},
}
SERIES: dict[str, Any] = {
    "task": {"type": "forecasting", "target": "passengers", "time": "month", "horizon": 12},
    "dataset": {"type": "csv", "source": "builtin://airline"},
    "network": {"type": "dense", "units": [8]},
}
LAYERS = {"type": "layers", "layers": [{"type": "flatten"}, {"type": "dense", "units": 10}]}
NOBODY = "0" * 64
MISSING = object()


def broken(path: str, value: Any, **more: Any) -> dict[str, Any]:
    """The good request, with the value at a path such as `network.layers.0.units` put in or taken out."""
    request = copy.deepcopy(GOOD | more)
    here: Any = request
    *parents, last = path.split(".")
    for part in parents:
        here = here[int(part)] if isinstance(here, list) else here[part]
    if value is MISSING:
        del here[last]
    else:
        here[int(last) if isinstance(here, list) else last] = value
    return request


@dataclass(frozen=True)
class Row:
    name: str
    send: Callable[[Any], Any]
    """Sends it through a door of the stack, and answers the Refusal."""
    code: str
    reason: str
    field: str | None = None
    """The field that the answer must name; None where there is none to name."""


# Requests to train --------------------------------------------------------------------------------

REQUESTS: list[tuple[str, dict[str, Any], str, str]] = [
    # name, request, reason, field
    ("no task", broken("task", MISSING), "INVALID_REQUEST", "task"),
    ("no dataset", broken("dataset", MISSING), "INVALID_REQUEST", "dataset"),
    ("no network", broken("network", MISSING), "INVALID_REQUEST", "network"),
    ("a field that is none", broken("epochs", 3), "INVALID_REQUEST", "epochs"),
    ("a typo deep inside", broken("training.epoch", 3), "INVALID_REQUEST", "training.epoch"),
    ("a task that is none", broken("task", {"type": "poetry"}), "INVALID_REQUEST", "task"),
    ("a task without its kind", broken("task", {}), "INVALID_REQUEST", "task"),
    ("a network that is none", broken("network.type", "gpt"), "INVALID_REQUEST", "network"),
    ("a dataset that is none", broken("dataset.type", "xlsx"), "INVALID_REQUEST", "dataset"),
    ("no epochs", broken("training.epochs", 0), "INVALID_REQUEST", "training.epochs"),
    ("epochs in words", broken("training.epochs", "many"), "INVALID_REQUEST", "training.epochs"),
    ("half an epoch", broken("training.epochs", 1.5), "INVALID_REQUEST", "training.epochs"),
    ("an empty batch", broken("training.batch_size", 0), "INVALID_REQUEST", "training.batch_size"),
    (
        "a batch in words",
        broken("training.batch_size", "most"),
        "INVALID_REQUEST",
        "training.batch_size",
    ),
    (
        "an optimizer that is none",
        broken("training.optimizer.type", "hope"),
        "INVALID_REQUEST",
        "training.optimizer",
    ),
    (
        "learning backwards",
        broken("training.optimizer.learning_rate", -1),
        "INVALID_REQUEST",
        "training.optimizer.learning_rate",
    ),
    (
        "a loss that is none",
        broken("training.loss", "regret"),
        "INVALID_REQUEST",
        "training.loss",
    ),
    (
        "more validation than data",
        broken("training.validation", {"fraction": 1.5}),
        "INVALID_REQUEST",
        "training.validation.fraction",
    ),
    ("a seed in words", broken("training.seed", "lucky"), "INVALID_REQUEST", "training.seed"),
    ("a layer of nothing", broken("network.units", [0]), "INVALID_REQUEST", "network.units[0]"),
    ("filters of nothing", broken("network.filters", []), "INVALID_REQUEST", "network.filters"),
    (
        "more dropout than there is",
        broken("network.dropout", 1.0),
        "INVALID_REQUEST",
        "network.dropout",
    ),
    (
        "a listed layer of nothing",
        broken("network.layers.1.units", 0, network=LAYERS),
        "INVALID_REQUEST",
        "network.layers[1].units",
    ),
    (
        "a listed layer that is none",
        broken("network.layers.0.type", "magic", network=LAYERS),
        "INVALID_REQUEST",
        "network.layers[0]",
    ),
    (
        "a head that does not fit the classes",
        broken("network.layers.1.units", 7, network=LAYERS),
        "INVALID_REQUEST",
        "network.layers[1].units",
    ),
    (
        "a model that leaves its folder",
        broken("publish.model", "../../etc"),
        "INVALID_REQUEST",
        "publish.model",
    ),
    ("a model without a name", broken("publish.model", ""), "INVALID_REQUEST", "publish.model"),
    (
        "an alias with a slash",
        broken("publish.aliases", ["a/b"]),
        "INVALID_REQUEST",
        "publish.aliases[0]",
    ),
    (
        "a device that is none",
        broken("resources", {"device": "tpu"}),
        "INVALID_REQUEST",
        "resources.device",
    ),
    (
        "no time at all",
        broken("resources", {"max_seconds": 0}),
        "INVALID_REQUEST",
        "resources.max_seconds",
    ),
    (
        "a file of the server",
        broken("dataset.source", "file:///etc/passwd"),
        "INVALID_REQUEST",
        "dataset.source",
    ),
    (
        "a dataset that nobody sent",
        broken("dataset.source", f"dataset://{NOBODY}"),
        "DATASET_NOT_FOUND",
        "dataset.source",
    ),
    (
        "a built-in that is none",
        broken("dataset.source", "builtin://nothing"),
        "INVALID_REQUEST",
        "dataset.source",
    ),
    (
        "a target that no column is",
        broken("task.target", "age", **TABLE),
        "INVALID_REQUEST",
        "task.target",
    ),
    (
        "images from a table",
        broken("dataset", {"type": "csv", "source": "builtin://abalone"}),
        "INVALID_REQUEST",
        "task.image",
    ),
    (
        "convolutions over a table",
        broken("network", {"type": "cnn", "filters": [4]}, **TABLE),
        "INVALID_REQUEST",
        "network.type",
    ),
    (
        "a horizon in words",
        broken("task.horizon", "far", **SERIES),
        "INVALID_REQUEST",
        "task.horizon",
    ),
    (
        "no horizon",
        broken("task.horizon", 0, **SERIES),
        "INVALID_REQUEST",
        "task.horizon",
    ),
    (
        "a loss for numbers on classes",
        broken("training.loss", "mae"),
        "INVALID_REQUEST",
        "training.loss",
    ),
]


def submitted(request: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda stack: stack.refused_http("POST", "/v1/jobs", json=request)


def http(method: str, path: str, **options: Any) -> Callable[[Any], Any]:
    return lambda stack: stack.refused_http(method, path, **options)


def job_of(stack: Any) -> str:
    """A job that ended."""
    return str(next(iter(stack.client.jobs.list())).id)


def reused_key(stack: Any) -> Any:
    key = {"Idempotency-Key": f"bad-input-{time.time_ns()}"}
    first = stack.http.post("/v1/jobs", json=GOOD, headers=key)
    assert first.status_code == 201
    stack.http.post(f"/v1/jobs/{first.json()['id']}/cancel")
    return stack.refused_http("POST", "/v1/jobs", json=broken("training.epochs", 2), headers=key)


def cloned(changes: Any) -> Callable[[Any], Any]:
    return lambda stack: stack.refused_http("POST", f"/v1/jobs/{job_of(stack)}/clone", json=changes)


def foreign_token(stack: Any) -> Any:
    token = stack.http.get("/v1/jobs", params={"limit": 1}).json()["next_page_token"]
    return stack.refused_http("GET", "/v1/jobs", params={"page_token": token, "state": "FAILED"})


def wrong_offset(stack: Any) -> Any:
    begun = stack.http.post("/v1/uploads", json={"filename": "x.csv", "bytes": 4})
    place = f"/v1/uploads/{begun.json()['id']}"
    refusal = stack.refused_http("PATCH", place, content=b"b,c\n", headers={"Upload-Offset": "3"})
    assert stack.http.delete(place).status_code == 204
    return refusal


def too_much(stack: Any) -> Any:
    begun = stack.http.post("/v1/uploads", json={"filename": "x.csv", "bytes": 4})
    place = f"/v1/uploads/{begun.json()['id']}"
    refusal = stack.refused_http("PATCH", place, content=b"a,b,c\n", headers={"Upload-Offset": "0"})
    stack.http.delete(place)
    return refusal


def other_digest(stack: Any) -> Any:
    announced = {"filename": "x.csv", "bytes": 4, "sha256": "0" * 64}
    place = f"/v1/uploads/{stack.http.post('/v1/uploads', json=announced).json()['id']}"
    return stack.refused_http("PATCH", place, content=b"a,b\n", headers={"Upload-Offset": "0"})


def in_use(stack: Any) -> Any:
    """A dataset that an open job names: the job waits behind the one that trains."""
    sent = stack.http.post("/v1/datasets?filename=t.csv", content=TABLE_FILE).json()
    request = GOOD | TABLE | {"dataset": {"type": "csv", "source": sent["uri"]}}
    job = stack.http.post("/v1/jobs", json=request)
    assert job.status_code == 201, job.text
    refusal = stack.refused_http("DELETE", f"/v1/datasets/{sent['digest']}")
    stack.http.post(f"/v1/jobs/{job.json()['id']}/cancel")
    return refusal


TABLE_FILE = b"sex,length,rings\n" + b"".join(
    f"{'MF'[row % 2]},{row / 100},{row % 9}\n".encode() for row in range(200)
)


def announced_body(stack: Any) -> Any:
    """Only the head of a request whose body would be far too large: it is refused before the body."""
    host, port = stack.url.removeprefix("http://").split(":")
    head = "POST /v1/jobs HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.format(f"{host}:{port}", 10**12).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head_of, _, body = answer.partition(b"\r\n\r\n")
    assert head_of.startswith(b"HTTP/1.1 413 ")
    said = json.loads(body)
    assert said["request_id"]
    return Refused(said["code"], said["reason"], tuple(v["field"] for v in said["violations"]))


@dataclass(frozen=True)
class Refused:
    code: str
    reason: str
    fields: tuple[str, ...]


DEEP = "[" * 200_000 + "]" * 200_000
HTTP = [
    *(Row(name, submitted(r), "INVALID_ARGUMENT", reason, f) for name, r, reason, f in REQUESTS),
    Row(
        "a body that is no JSON",
        http("POST", "/v1/jobs", content=b"{", headers={"content-type": "application/json"}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "body",
    ),
    Row("a list", http("POST", "/v1/jobs", json=[GOOD]), "INVALID_ARGUMENT", "INVALID_REQUEST"),
    Row("no body", http("POST", "/v1/jobs"), "INVALID_ARGUMENT", "INVALID_REQUEST"),
    Row(
        "a number that JSON does not have",
        http(
            "POST",
            "/v1/jobs",
            content=json.dumps(broken("training.optimizer.learning_rate", float("nan"))),
            headers={"content-type": "application/json"},
        ),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
    ),
    Row(
        "200,000 brackets",
        http("POST", "/v1/jobs", content=DEEP, headers={"content-type": "application/json"}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "body",
    ),
    Row("a terabyte", announced_body, "INVALID_ARGUMENT", "REQUEST_TOO_LARGE", "body"),
    Row("a key for another request", reused_key, "ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED"),
    Row("a job that is none", http("GET", "/v1/jobs/nobody"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("cancel nobody", http("POST", "/v1/jobs/nobody/cancel"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("retry nobody", http("POST", "/v1/jobs/nobody/retry"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("watch nobody", http("GET", "/v1/jobs/nobody/events"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("the log of nobody", http("GET", "/v1/jobs/nobody/logs"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("the past of nobody", http("GET", "/v1/jobs/nobody/metrics"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row(
        "a clone of nobody",
        http("POST", "/v1/jobs/nobody/clone", json={}),
        "NOT_FOUND",
        "JOB_NOT_FOUND",
    ),
    Row(
        "a clone with a wrong change",
        cloned({"training": {"epochs": 0}}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "training.epochs",
    ),
    Row(
        "a clone without what it needs",
        cloned({"task": None}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "task",
    ),
    Row(
        "a page of none",
        http("GET", "/v1/jobs?limit=0"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "limit",
    ),
    Row(
        "a state that is none",
        http("GET", "/v1/jobs?state=DREAMING"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "state",
    ),
    Row(
        "a page token that is none",
        http("GET", "/v1/jobs?page_token=xyz"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "page_token",
    ),
    Row(
        "a page token of another list",
        foreign_token,
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "page_token",
    ),
    Row("a model that is none", http("GET", "/v1/models/nobody"), "NOT_FOUND", "MODEL_NOT_FOUND"),
    Row(
        "a version that is none",
        http("GET", "/v1/models/digits/versions/99"),
        "NOT_FOUND",
        "VERSION_NOT_FOUND",
    ),
    Row(
        "a version in words",
        http("GET", "/v1/models/digits/versions/latest"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "version",
    ),
    Row(
        "a version that an alias names",
        http("DELETE", "/v1/models/digits/versions/1"),
        "FAILED_PRECONDITION",
        "VERSION_HAS_ALIAS",
    ),
    Row(
        "an alias for nothing",
        http("PUT", "/v1/models/digits/aliases/stable", json={"version": 99}),
        "NOT_FOUND",
        "VERSION_NOT_FOUND",
    ),
    Row(
        "an alias without a version",
        http("PUT", "/v1/models/digits/aliases/stable", json={}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "version",
    ),
    Row(
        "take away an alias that is none",
        http("DELETE", "/v1/models/digits/aliases/gone"),
        "NOT_FOUND",
        "ALIAS_NOT_FOUND",
    ),
    Row(
        "an empty dataset",
        http("POST", "/v1/datasets?filename=a.csv"),
        "INVALID_ARGUMENT",
        "EMPTY_DATASET",
        "body",
    ),
    Row(
        "a dataset that is none",
        http("GET", f"/v1/datasets/{NOBODY}"),
        "NOT_FOUND",
        "DATASET_NOT_FOUND",
    ),
    Row(
        "a digest that leaves its folder",
        http("GET", "/v1/datasets/..%2f..%2fetc"),
        "NOT_FOUND",
        "NO_SUCH_PATH",
    ),
    Row(
        "a digest that is none",
        http("GET", "/v1/datasets/md5:abc"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "digest",
    ),
    Row("a dataset that a job needs", in_use, "FAILED_PRECONDITION", "IN_USE"),
    Row(
        "an upload that is none", http("GET", "/v1/uploads/nobody"), "NOT_FOUND", "UPLOAD_NOT_FOUND"
    ),
    Row(
        "an upload of nothing",
        http("POST", "/v1/uploads", json={"filename": "a.csv", "bytes": 0}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "bytes",
    ),
    Row("a piece from elsewhere", wrong_offset, "ABORTED", "OFFSET_MISMATCH"),
    Row("more than was announced", too_much, "INVALID_ARGUMENT", "UPLOAD_OVERRUN", "body"),
    Row(
        "other bytes than announced", other_digest, "INVALID_ARGUMENT", "DIGEST_MISMATCH", "sha256"
    ),
    Row("a path that is none", http("GET", "/v1/secrets"), "NOT_FOUND", "NO_SUCH_PATH"),
    Row("another method", http("PUT", "/v1/jobs"), "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED"),
    Row(
        "the name of another host",
        http("GET", "/v1/jobs", headers={"host": "evil.example"}),
        "INVALID_ARGUMENT",
        "HOST_NOT_ALLOWED",
    ),
]

# Predictions --------------------------------------------------------------------------------------

DIGITS = model_pb2.ModelSpec(name="digits")
SEVEN = (Path(__file__).parents[3] / "examples" / "digits" / "seven.png").read_bytes()


def vision(*images: Any, model: Any = DIGITS, **more: Any) -> Callable[[Any], Any]:
    made = [vision_pb2.Image(encoded=i) if isinstance(i, bytes) else i for i in images]
    request = vision_pb2.ClassifyImagesRequest(model=model, images=made, **more)
    return lambda stack: stack.refused_grpc("/modelyard.v1.VisionService/ClassifyImages", request)


def pixels(height: int, width: int, channels: int, data: bytes) -> Any:
    array = vision_pb2.PixelArray(height=height, width=width, channels=channels, data=data)
    return vision_pb2.Image(pixels=array)


def bomb() -> bytes:
    """A PNG whose header promises 60,000 × 60,000 pixels."""
    made = io.BytesIO()
    Image.new("L", (8, 8)).save(made, "PNG")
    data = bytearray(made.getvalue())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(data)


def text(*texts: str, model: str = "sms", **more: Any) -> Callable[[Any], Any]:
    request = text_pb2.ClassifyTextsRequest(
        model=model_pb2.ModelSpec(name=model), texts=texts, **more
    )
    return lambda stack: stack.refused_grpc("/modelyard.v1.TextService/ClassifyTexts", request)


def series(*values: float, horizon: int = 0, covariate: str = "", empty: bool = False) -> Any:
    one = forecasting_pb2.Series(values=values)
    if covariate:
        one.covariates.add(name=covariate, values=values)
    request = forecasting_pb2.ForecastRequest(
        model=model_pb2.ModelSpec(name="airline"),
        series=[] if empty else [one],
        horizon=horizon,
    )
    return lambda stack: stack.refused_grpc("/modelyard.v1.ForecastingService/Forecast", request)


def rows(*dicts: dict[str, Any], call: str = "PredictValues") -> Callable[[Any], Any]:
    request = getattr(tabular_pb2, f"{call}Request")(model=model_pb2.ModelSpec(name="abalone"))
    for values in dicts:
        row = request.rows.add()
        for name, value in values.items():
            kind = "text" if isinstance(value, str) else "number"
            setattr(row.values[name], kind, value)
    return lambda stack: stack.refused_grpc(f"/modelyard.v1.TabularService/{call}", request)


def raw(method: str, body: bytes) -> Callable[[Any], Any]:
    return lambda stack: stack.refused_grpc(method, body)


PREDICT = "/tensorflow.serving.PredictionService/Predict"
DT_FLOAT, DT_STRING, DT_INT32 = 1, 7, 3


def predict(
    name: str = "digits",
    signature: str = "serving_default",
    inputs: dict[str, Any] | None = None,
    outputs: tuple[str, ...] = (),
    **spec: Any,
) -> Callable[[Any], Any]:
    request = tf_serving.PredictRequest(output_filter=outputs)
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if "version" in spec:
        request.model_spec.version.CopyFrom(type(request.model_spec.version)(value=spec["version"]))
    if "label" in spec:
        request.model_spec.version_label = spec["label"]
    for key, tensor in (inputs if inputs is not None else {"image": strings(SEVEN)}).items():
        request.inputs[key].MergeFromString(tensor.SerializeToString())
    return lambda stack: stack.refused_grpc(PREDICT, request)


def tensor(dtype: int, shape: tuple[int, ...], **values: Any) -> Any:
    kind = type(tf_serving.PredictRequest().inputs["x"])
    made = kind(dtype=dtype, **values)
    for size in shape:
        made.tensor_shape.dim.add(size=size)
    return made


def strings(*values: bytes) -> Any:
    return tensor(DT_STRING, (len(values),), string_val=values)


def metadata(*fields: str, name: str = "digits") -> Callable[[Any], Any]:
    request = tf_serving.GetModelMetadataRequest(metadata_field=fields)
    if name:
        request.model_spec.name = name
    method = "/tensorflow.serving.PredictionService/GetModelMetadata"
    return lambda stack: stack.refused_grpc(method, request)


AIR = tuple(float(100 + step) for step in range(72))
GRPC = [
    Row("no model", vision(SEVEN, model=None), "INVALID_ARGUMENT", "INVALID_REQUEST", "model.name"),
    Row(
        "a model that is none",
        vision(SEVEN, model=model_pb2.ModelSpec(name="nobody")),
        "NOT_FOUND",
        "MODEL_NOT_FOUND",
    ),
    Row(
        "a version that is none",
        vision(SEVEN, model=model_pb2.ModelSpec(name="digits", version=99)),
        "NOT_FOUND",
        "VERSION_NOT_FOUND",
    ),
    Row(
        "a version below one",
        vision(SEVEN, model=model_pb2.ModelSpec(name="digits", version=-1)),
        "NOT_FOUND",
        "VERSION_NOT_FOUND",
    ),
    Row(
        "an alias that is none",
        vision(SEVEN, model=model_pb2.ModelSpec(name="digits", alias="gone")),
        "INVALID_ARGUMENT",
        "UNKNOWN_ALIAS",
    ),
    Row("no image", vision(), "INVALID_ARGUMENT", "INVALID_REQUEST", "images"),
    Row("an empty image", vision(b""), "INVALID_ARGUMENT", "INVALID_REQUEST", "images[0].encoded"),
    Row(
        "an image of nothing",
        vision(vision_pb2.Image()),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[0]",
    ),
    Row(
        "a text for an image",
        vision(b"hello"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[0].encoded",
    ),
    Row("half an image", vision(SEVEN[:60]), "INVALID_ARGUMENT", "INVALID_REQUEST", None),
    Row("a bomb", vision(bomb()), "INVALID_ARGUMENT", "INVALID_REQUEST", "images[0].encoded"),
    Row(
        "one bad image among good ones",
        vision(SEVEN, SEVEN, b"GIF89a"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[2].encoded",
    ),
    Row(
        "pixels that are not there",
        vision(pixels(8, 8, 1, b"\0" * 63)),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[0].pixels.data",
    ),
    Row(
        "pixels of other colours",
        vision(pixels(8, 8, 3, b"\0" * 192)),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[0].pixels.channels",
    ),
    Row(
        "an image turned inside out",
        vision(pixels(-8, 8, 1, b"")),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[0].pixels",
    ),
    Row(
        "two kinds of image",
        vision(SEVEN, pixels(8, 8, 1, b"\0" * 64)),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[1]",
    ),
    Row(
        "fewer than no classes",
        vision(SEVEN, top_k=-1),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "top_k",
    ),
    Row("texts for images", text("hello", model="digits"), "FAILED_PRECONDITION", "WRONG_TASK"),
    Row("no text", text(), "INVALID_ARGUMENT", "INVALID_REQUEST", "texts"),
    Row("no series", series(empty=True), "INVALID_ARGUMENT", "INVALID_REQUEST", "series"),
    Row(
        "too little past",
        series(1.0, 2.0),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "series[0].values",
    ),
    Row(
        "a past with a hole",
        series(*AIR[:-1], float("nan")),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "series[0].values[71]",
    ),
    Row(
        "too much future",
        series(*AIR, horizon=13),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "horizon",
    ),
    Row(
        "negative future",
        series(*AIR, horizon=-1),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "horizon",
    ),
    Row(
        "a covariate that is none",
        series(*AIR, covariate="weather"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "series[0].covariates",
    ),
    Row("no row", rows(), "INVALID_ARGUMENT", "INVALID_REQUEST", "rows"),
    Row(
        "a column that is none",
        rows({"length": 0.4, "colour": "red"}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "rows[0].values[colour]",
    ),
    Row(
        "a text for a number",
        rows({"length": 0.4}, {"length": "long"}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "rows[1].values[length]",
    ),
    Row(
        "an endless number",
        rows({"length": float("inf")}),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "rows[0].values[length]",
    ),
    Row(
        "classes of numbers",
        rows({"length": 0.4}, call="ClassifyRows"),
        "FAILED_PRECONDITION",
        "WRONG_TASK",
    ),
    Row(
        "bytes that are no message",
        raw("/modelyard.v1.VisionService/ClassifyImages", b"\xff\xff\xff"),
        "INVALID_ARGUMENT",
        "MALFORMED_REQUEST",
    ),
    Row(
        "text that is not UTF-8",
        raw("/modelyard.v1.TextService/ClassifyTexts", b"\x12\x02\xff\xfe"),
        "INVALID_ARGUMENT",
        "MALFORMED_REQUEST",
    ),
    Row("no spec", raw(PREDICT, b""), "INVALID_ARGUMENT", "MODEL_NAME_MISSING"),
    Row("a servable that is none", predict("nobody"), "NOT_FOUND", "MODEL_NOT_FOUND"),
    Row("a servable version that is none", predict(version=99), "NOT_FOUND", "VERSION_NOT_FOUND"),
    Row("a label that is none", predict(label="gone"), "INVALID_ARGUMENT", "UNKNOWN_ALIAS"),
    Row(
        "a signature that is none",
        predict(signature="magic"),
        "FAILED_PRECONDITION",
        "SIGNATURE_NOT_FOUND",
    ),
    Row("no inputs", predict(inputs={}), "INVALID_ARGUMENT", "INPUT_NAMES", "inputs.image"),
    Row(
        "an input too many",
        predict(inputs={"image": strings(SEVEN), "mood": strings(b"good")}),
        "INVALID_ARGUMENT",
        "INPUT_NAMES",
        "inputs.mood",
    ),
    Row(
        "an input of another type",
        predict(inputs={"image": tensor(DT_FLOAT, (1,), float_val=[1.0])}),
        "INVALID_ARGUMENT",
        "INPUT_MISMATCH",
        "inputs.image",
    ),
    Row(
        "an input of another shape",
        predict(inputs={"image": tensor(DT_STRING, (1, 1), string_val=[SEVEN])}),
        "INVALID_ARGUMENT",
        "INPUT_MISMATCH",
        "inputs.image",
    ),
    Row(
        "a tensor that contradicts itself",
        predict(inputs={"image": tensor(DT_STRING, (3,), string_val=[SEVEN, SEVEN])}),
        "INVALID_ARGUMENT",
        "MALFORMED_TENSOR",
        "inputs.image",
    ),
    Row(
        "a tensor of absurd size",
        predict(inputs={"image": tensor(DT_INT32, (2**40, 2**40))}),
        "INVALID_ARGUMENT",
        "MALFORMED_TENSOR",
        "inputs.image",
    ),
    Row(
        "an output that is none",
        predict(outputs=("mood",)),
        "INVALID_ARGUMENT",
        "UNKNOWN_OUTPUT",
        "output_filter",
    ),
    Row(
        "an output twice",
        predict(outputs=("scores", "scores")),
        "INVALID_ARGUMENT",
        "DUPLICATE_OUTPUT",
        "output_filter",
    ),
    Row("metadata of nothing", metadata(), "INVALID_ARGUMENT", "METADATA_FIELD_MISSING"),
    Row(
        "metadata that is none", metadata("shoe_size"), "INVALID_ARGUMENT", "METADATA_FIELD_UNKNOWN"
    ),
    Row(
        "metadata without a spec",
        metadata("signature_def", name=""),
        "INVALID_ARGUMENT",
        "MODEL_SPEC_MISSING",
    ),
    Row(
        "a reload that nobody allowed",
        raw("/tensorflow.serving.ModelService/HandleReloadConfigRequest", b""),
        "FAILED_PRECONDITION",
        "RELOAD_DISABLED",
    ),
]

# The Python client ----------------------------------------------------------------------------------


def sdk(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda stack: stack.refused_sdk(call)


SDK = [
    Row("a job that is none", sdk(lambda c: c.jobs.get("nobody")), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("wait for nobody", sdk(lambda c: c.jobs.wait("nobody")), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("watch nobody", sdk(lambda c: list(c.jobs.events("nobody"))), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row(
        "a request file that is none",
        sdk(lambda c: c.jobs.submit(Path("no.yaml"))),
        "INVALID_ARGUMENT",
        "NO_SUCH_FILE",
    ),
    Row(
        "a request that is no mapping",
        sdk(lambda c: c.jobs.submit("- a\n- b\n")),
        "INVALID_ARGUMENT",
        "BAD_REQUEST_FILE",
    ),
    Row(
        "a dataset file that is none",
        sdk(lambda c: c.jobs.submit(broken("dataset.source", "./no.npz"))),
        "INVALID_ARGUMENT",
        "NO_SUCH_FILE",
        "dataset.source",
    ),
    Row(
        "a dataset that is none",
        sdk(lambda c: c.datasets.get(NOBODY)),
        "NOT_FOUND",
        "DATASET_NOT_FOUND",
    ),
    Row(
        "a file to upload that is none",
        sdk(lambda c: c.datasets.upload("no.csv")),
        "INVALID_ARGUMENT",
        "NO_SUCH_FILE",
    ),
    Row(
        "a model that is none",
        sdk(lambda c: c.models.get("nobody")),
        "NOT_FOUND",
        "MODEL_NOT_FOUND",
    ),
    Row(
        "a version that is none",
        sdk(lambda c: c.models.version("digits", 99)),
        "NOT_FOUND",
        "VERSION_NOT_FOUND",
    ),
    Row(
        "ask nobody",
        sdk(lambda c: c.predict.classify_texts("nobody", ["x"])),
        "NOT_FOUND",
        "MODEL_NOT_FOUND",
    ),
    Row(
        "ask an alias that is none",
        sdk(lambda c: c.predict.classify_texts("sms", ["x"], alias="gone")),
        "INVALID_ARGUMENT",
        "UNKNOWN_ALIAS",
    ),
    Row(
        "an image file that is none",
        sdk(lambda c: c.predict.classify_images("digits", ["no.png"])),
        "INVALID_ARGUMENT",
        "NO_SUCH_FILE",
    ),
    Row(
        "a number for an image",
        sdk(lambda c: c.predict.classify_images("digits", [7])),
        "INVALID_ARGUMENT",
        "WRONG_INPUT",
        "images[0]",
    ),
    Row(
        "bytes that are no image",
        sdk(lambda c: c.predict.classify_images("digits", [b"x"])),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[0].encoded",
    ),
    Row(
        "a word for a number",
        sdk(lambda c: c.predict.predict_values("abalone", [{"length": "long"}])),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "rows[0].values[length]",
    ),
    Row(
        "too little past",
        sdk(lambda c: c.predict.forecast("airline", [1.0])),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "series[0].values",
    ),
]

# The command line -----------------------------------------------------------------------------------


def cli(*arguments: str, file: str | None = None) -> Callable[[Any], Any]:
    """A command with, where it is given, `request.yaml` of this text beside it."""

    def send(stack: Any) -> Any:
        if file is not None:
            stack.write("request.yaml", file)
        return stack.refused_cli(*arguments)

    return send


CLI = [
    Row("a request file that is none", cli("train", "no.yaml"), "INVALID_ARGUMENT", "NO_SUCH_FILE"),
    Row(
        "a request that is no YAML",
        cli("train", "request.yaml", file="a: [1"),
        "INVALID_ARGUMENT",
        "BAD_REQUEST_FILE",
    ),
    Row(
        "a wrong value",
        cli("train", "request.yaml", file=yaml.safe_dump(broken("training.epochs", 0))),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "training.epochs",
    ),
    Row(
        "a field that is none",
        cli("train", "request.yaml", file=yaml.safe_dump(broken("training.epoch", 3))),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "training.epoch",
    ),
    Row(
        "a wrong value, only checked",
        cli("validate", "request.yaml", file=yaml.safe_dump(broken("network.units", [0]))),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "network.units[0]",
    ),
    Row(
        "a dataset file that is none",
        cli("train", "request.yaml", file=yaml.safe_dump(broken("dataset.source", "./no.npz"))),
        "INVALID_ARGUMENT",
        "NO_SUCH_FILE",
        "dataset.source",
    ),
    Row("a job that is none", cli("jobs", "get", "nobody"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("wait for nobody", cli("jobs", "wait", "nobody"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("cancel nobody", cli("jobs", "cancel", "nobody"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("the log of nobody", cli("jobs", "logs", "nobody"), "NOT_FOUND", "JOB_NOT_FOUND"),
    Row("a model that is none", cli("models", "get", "nobody"), "NOT_FOUND", "MODEL_NOT_FOUND"),
    Row("ask nobody", cli("predict", "nobody", "x"), "NOT_FOUND", "MODEL_NOT_FOUND"),
    Row(
        "an image that is none",
        cli("predict", "digits", "request.yaml"),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "images[0].encoded",
    ),
    Row(
        "an alias that is none",
        cli("predict", "sms", "x", "--alias", "gone"),
        "INVALID_ARGUMENT",
        "UNKNOWN_ALIAS",
    ),
    Row(
        "a column that is none",
        cli("predict", "abalone", '{"colour": "red"}'),
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "rows[0].values[colour]",
    ),
    Row(
        "an address where nobody is",
        cli("--url", "http://127.0.0.1:9", "jobs", "list"),
        "UNAVAILABLE",
        "UNREACHABLE",
    ),
]

DOORS = {"http": HTTP, "grpc": GRPC, "sdk": SDK, "cli": CLI}
ALL = [
    pytest.param(row, id=f"{door}: {row.name}") for door, rows_ in DOORS.items() for row in rows_
]


@pytest.fixture(scope="module")
def before(stack: Any) -> tuple[Any, dict[str, tuple[int, int]]]:
    """How the services are before anything bad comes in."""
    return stack.predict_something(), _shape(stack)


def _shape(stack: Any) -> dict[str, tuple[int, int]]:
    return {name: (p.pid, p.memory_info().rss) for name, p in stack.processes.items()}


@pytest.mark.parametrize("row", ALL)
def test_bad_input_is_refused_for_the_right_reason(row: Row, stack: Any, before: Any) -> None:
    refusal = row.send(stack)
    assert (refusal.code, refusal.reason) == (row.code, row.reason)
    assert Code(refusal.code) in REASONS[refusal.reason].codes
    if row.field is not None:
        assert row.field in refusal.fields


def test_there_are_enough_kinds_of_bad_input_at_every_door() -> None:
    assert sum(map(len, DOORS.values())) >= 150
    assert min(map(len, DOORS.values())) >= 15


def test_afterwards_the_services_are_as_they_were(stack: Any, before: Any) -> None:
    """The same processes, no bigger, give the same answers, and a good request is accepted and trained."""
    answers, shape = before
    assert stack.predict_something() == answers
    now = _shape(stack)
    for name, (pid, memory) in shape.items():
        assert now[name][0] == pid
        assert now[name][1] < memory + 250 * 2**20, name
    assert stack.http.get("/healthz/ready").status_code == 200
    job = stack.client.jobs.submit(broken("network", {"type": "dense", "units": [4]}))
    assert stack.client.jobs.wait(job.id, timeout=90).succeeded
