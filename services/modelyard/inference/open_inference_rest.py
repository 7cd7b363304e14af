"""The Open Inference Protocol over HTTP, with its binary extension: JSON first, then the tensors' raw bytes."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version as version_of
from itertools import chain
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import Code, InvalidRequest, ModelyardError, NotFound
from modelyard.inference.http_door import HttpRequest, HttpResponse
from modelyard.inference.open_inference import (
    BACKEND,
    EXTENSIONS,
    PLATFORM,
    Inference,
    Input,
    OpenInference,
    batch_rows,
    dims_of,
    shape_of,
    tensor_datatype,
)
from modelyard.inference.totals import Totals
from modelyard.prediction import Prediction, TensorSpec
from modelyard.wire import json_tensors
from modelyard.wire import open_inference_tensors as tensors

HEADER = "inference-header-content-length"
"""How many bytes of a body are JSON; raw tensors follow, in the order of those that have a `binary_data_size`."""

_MODEL = r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?"
_STATUSES = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.ALREADY_EXISTS: 400,
    Code.CANCELLED: 400,
    Code.NOT_FOUND: 404,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class OpenInferenceRest:
    """See `modelyard.inference.http_door.HttpProtocol`."""

    prefix = "/v2"

    def __init__(self, protocol: OpenInference, server_name: str) -> None:
        self._protocol = protocol
        self._server_name = server_name
        self._routes: tuple[tuple[str, re.Pattern[str], str, Callable[..., HttpResponse]], ...] = (
            ("POST", re.compile(rf"{_MODEL}/infer"), "infer", self._infer),
            ("GET", re.compile(r"/v2/health/live"), "live", self._live),
            ("GET", re.compile(r"/v2/health/ready"), "ready", self._ready),
            ("GET", re.compile(r"/v2/?"), "server", self._server),
            ("GET", re.compile(r"/v2/models/stats"), "stats", self._all_statistics),
            ("GET", re.compile(rf"{_MODEL}/ready"), "model_ready", self._model_ready),
            ("GET", re.compile(rf"{_MODEL}/config"), "config", self._config),
            ("GET", re.compile(rf"{_MODEL}/stats"), "stats", self._statistics),
            ("GET", re.compile(_MODEL), "metadata", self._metadata),
            ("POST", re.compile(r"/v2/repository/index"), "index", self._index),
            (
                "POST",
                re.compile(r"/v2/repository/models/(?P<name>[^/]+)/(?P<action>load|unload)"),
                "control",
                self._control,
            ),
        )

    def api_of(self, request: HttpRequest) -> str:
        found = self._route(request)
        return f"v2/{found[0]}" if found else "v2/unknown"

    def status_of(self, error: ModelyardError) -> int:
        return _STATUSES.get(error.code, 500)

    def answer(self, request: HttpRequest) -> HttpResponse:
        found = self._route(request)
        if found is None:
            raise NotFound(
                f"there is nothing at {request.method} {request.path[:200]}", reason="NO_SUCH_PATH"
            )
        _, match, behavior = found
        names = {name: unquote(value or "") for name, value in match.groupdict().items()}
        return behavior(request, **names)

    def _route(
        self, request: HttpRequest
    ) -> tuple[str, re.Match[str], Callable[..., HttpResponse]] | None:
        for method, pattern, name, behavior in self._routes:
            match = pattern.fullmatch(request.path) if method == request.method else None
            if match is not None:
                return name, match, behavior
        return None

    # What there is ---------------------------------------------------------------------------------

    def _live(self, request: HttpRequest) -> HttpResponse:
        return _json({"live": True})

    def _ready(self, request: HttpRequest) -> HttpResponse:
        is_ready = self._protocol.is_ready()
        return _json({"ready": is_ready}, 200 if is_ready else 503)

    def _model_ready(self, request: HttpRequest, name: str, version: str) -> HttpResponse:
        is_ready = self._protocol.is_model_ready(name, version)
        return _json({"name": name, "ready": is_ready}, 200 if is_ready else 400)

    def _server(self, request: HttpRequest) -> HttpResponse:
        told = {
            "name": self._server_name,
            "version": version_of("modelyard"),
            "extensions": list(EXTENSIONS),
        }
        return _json(told)

    def _metadata(self, request: HttpRequest, name: str, version: str) -> HttpResponse:
        served, _, spec = self._protocol.describe(name, version)
        told = {
            "name": served.name,
            "versions": self._protocol.versions(served.name),
            "platform": PLATFORM,
            "inputs": [_tensor(each, tensor) for each, tensor in spec.inputs.items()],
            "outputs": [_tensor(each, tensor) for each, tensor in spec.outputs.items()],
        }
        return _json(told)

    def _config(self, request: HttpRequest, name: str, version: str) -> HttpResponse:
        served, _, spec = self._protocol.describe(name, version)
        rows = batch_rows(spec, self._protocol.max_batch_rows)
        told: dict[str, Any] = {
            "name": served.name,
            "platform": PLATFORM,
            "backend": BACKEND,
            "max_batch_size": rows,
            "input": [_configured(n, t, is_batched=rows > 0) for n, t in spec.inputs.items()],
            "output": [_configured(n, t, is_batched=rows > 0) for n, t in spec.outputs.items()],
        }
        if rows:
            told["dynamic_batching"] = {}
        return _json(told)

    def _all_statistics(self, request: HttpRequest) -> HttpResponse:
        return self._statistics(request, "", "")

    def _statistics(self, request: HttpRequest, name: str, version: str) -> HttpResponse:
        found = self._protocol.statistics(name, version)
        told = [_counted(each, str(status.version), total) for each, status, total in found]
        return _json({"model_stats": told})

    def _index(self, request: HttpRequest) -> HttpResponse:
        asked = _object(request.body) if request.body else {}
        entries = self._protocol.index(only_ready=asked.get("ready") is True)
        return _json([vars(entry) for entry in entries])

    def _control(self, request: HttpRequest, name: str, action: str) -> HttpResponse:
        raise self._protocol.refuse_control(action, name)

    # Asking ----------------------------------------------------------------------------------------

    def _infer(self, request: HttpRequest, name: str, version: str) -> HttpResponse:
        text, raw = _split(request)
        asked = _object(text)
        outputs = _objects(asked, "outputs")
        parameters = _mapping(asked, "parameters")
        inference = Inference(
            name,
            version,
            _inputs(name, _objects(asked, "inputs"), raw),
            [_text(output, "name", "outputs") for output in outputs],
            {**parameters, **_extensions(outputs)},
        )
        prediction = self._protocol.infer(inference, request.call)
        is_binary = {
            _text(output, "name", "outputs"): _mapping(output, "parameters").get("binary_data")
            for output in outputs
        }
        default = parameters.get("binary_data_output") is True
        return _answer(asked.get("id"), prediction, is_binary, default)


def _split(request: HttpRequest) -> tuple[bytes, bytes]:
    """The JSON of a body, and the raw bytes behind it."""
    given = request.headers.get(HEADER)
    if given is None:
        return request.body, b""
    if not re.fullmatch("[0-9]{1,18}", given) or int(given) > len(request.body):
        raise _malformed(f"{HEADER} is no length within the body: {given[:40]}")
    return request.body[: int(given)], request.body[int(given) :]


def _object(text: bytes) -> dict[str, Any]:
    value = json_tensors.parse(text)
    if not isinstance(value, dict):
        raise _malformed("the request is not a JSON object")
    return value


def _objects(asked: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = asked.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _malformed(f"'{key}' must be a list of objects")
    return value


def _mapping(asked: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = asked.get(key, {})
    if not isinstance(value, dict):
        raise _malformed(f"'{key}' must be an object")
    return value


def _text(given: Mapping[str, Any], key: str, where: str) -> str:
    value = given.get(key)
    if not isinstance(value, str):
        raise _malformed(f"'{key}' of each of '{where}' must be a string")
    return value


def _extensions(outputs: list[dict[str, Any]]) -> dict[str, bool]:
    """The parameters of outputs, except for the one that only says how they travel."""
    given = chain.from_iterable(_mapping(output, "parameters") for output in outputs)
    return {name: True for name in given if name != "binary_data"}


def _inputs(model: str, given: list[dict[str, Any]], raw: bytes) -> list[Input]:
    inputs = []
    position = 0
    for each in given:
        name, datatype = _text(each, "name", "inputs"), _text(each, "datatype", "inputs")
        shape = _shape(name, each.get("shape"))
        parameters = _mapping(each, "parameters")
        if "shared_memory_region" in parameters:
            raise InvalidRequest("shared memory is not served", reason="UNSERVED_PARAMETER")
        size = parameters.get("binary_data_size")
        if size is None:
            decode = partial(_from_json, name, model, datatype, shape, each.get("data"))
        else:
            _check_size(name, size, len(raw) - position)
            data = raw[position : position + size]
            position += size
            decode = partial(tensors.from_raw, name, model, datatype, shape, data)
        inputs.append(Input(name, datatype, shape, decode))
    if position != len(raw):
        raise _malformed(f"the body has {len(raw) - position} bytes that belong to no input")
    return inputs


def _shape(name: str, shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise _malformed(f"'shape' of input '{name}' must be a list of whole numbers")
    return tuple(shape)


def _check_size(name: str, size: Any, left: int) -> None:
    if type(size) is not int or not 0 <= size <= left:
        raise _malformed(
            f"'binary_data_size' of input '{name}' is no size within the body: {str(size)[:40]}"
        )


def _from_json(
    name: str, model: str, datatype: str, shape: tuple[int, ...], data: Any
) -> NDArray[Any]:
    """Values come flat or nested as the shape is; what counts is their order."""
    if not isinstance(data, list):
        raise _malformed(f"'data' of input '{name}' must be a list")
    dtype = tensors.dtype_of(name, datatype)
    wide = np.dtype(np.float32) if datatype in ("FP16", "BF16") else dtype
    try:
        flat = json_tensors.decode(data, wide).ravel()
    except InvalidRequest as error:
        raise _malformed(f"input '{name}': {error.message}") from error
    # Checked for its size before it gets its shape.
    return tensors.from_values(name, model, datatype, shape, flat.tolist())


def _answer(
    request_id: Any, prediction: Prediction, is_binary: Mapping[str, Any], default: bool
) -> HttpResponse:
    outputs: list[str] = []
    raw: list[bytes] = []
    for name in is_binary or prediction.outputs:
        array = prediction.outputs[name]
        head: dict[str, Any] = {
            "name": name,
            "datatype": tensors.datatype(array.dtype),
            "shape": array.shape,
        }
        chosen = is_binary.get(name)
        if default if chosen is None else chosen is True:
            raw.append(tensors.to_raw(array))
            head["parameters"] = {"binary_data_size": len(raw[-1])}
            outputs.append(json.dumps(head))
        else:
            outputs.append(json.dumps(head)[:-1] + f', "data": {_flat(array)}}}')
    told = {
        "model_name": prediction.version.name,
        "model_version": str(prediction.version.version),
        **({"id": request_id} if isinstance(request_id, str) and request_id else {}),
    }
    text = (json.dumps(told)[:-1] + f', "outputs": [{", ".join(outputs)}]}}').encode()
    if not raw:
        return HttpResponse(text)
    return HttpResponse(
        b"".join((text, *raw)),
        content_type="application/octet-stream",
        headers={"Inference-Header-Content-Length": str(len(text))},
    )


def _flat(array: NDArray[Any]) -> str:
    half = array.dtype.kind in "fV" and array.dtype.itemsize == 2
    return json_tensors.encode((array.astype(np.float32) if half else array).reshape(-1))


def _tensor(name: str, tensor: TensorSpec) -> dict[str, Any]:
    return {"name": name, "datatype": tensor_datatype(tensor), "shape": shape_of(tensor)}


def _configured(name: str, tensor: TensorSpec, *, is_batched: bool) -> dict[str, Any]:
    kind = tensor_datatype(tensor)
    return {
        "name": name,
        "data_type": f"TYPE_{'STRING' if kind == 'BYTES' else kind}",
        "dims": dims_of(tensor, is_batched=is_batched),
    }


def _counted(name: str, version: str, total: Totals) -> dict[str, Any]:
    durations = {
        "success": (total.successes, total.success_seconds),
        "fail": (total.failures, total.failure_seconds),
        "queue": (total.queued, total.queue_seconds),
        "compute_infer": (total.runs, total.run_seconds),
    }
    return {
        "name": name,
        "version": version,
        "inference_count": total.inferences,
        "execution_count": total.runs,
        "inference_stats": {
            each: {"count": count, "ns": int(seconds * 1e9)}
            for each, (count, seconds) in durations.items()
        },
    }


def _json(value: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(json.dumps(value).encode(), status)


def _malformed(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="MALFORMED_REQUEST")
