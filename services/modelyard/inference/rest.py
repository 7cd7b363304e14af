"""TensorFlow Serving's REST API: its paths, its JSON and its statuses."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray

from modelyard.errors import Code, InvalidRequest, ModelyardError
from modelyard.inference.example_inference import classify, regress
from modelyard.inference.http_door import HttpRequest, HttpResponse
from modelyard.inference.json_examples import examples_from
from modelyard.inference.json_inputs import Format, inputs_from
from modelyard.inference.model_service import ModelService
from modelyard.inference.prediction_service import PredictionService, ref_of
from modelyard.inference.question import Question, ask
from modelyard.prediction import DEFAULT_SIGNATURE, Call, Predictor, ServedVersion
from modelyard.wire import json_tensors
from modelyard.wire.tf_serving import (
    POOL,
    GetModelMetadataRequest,
    GetModelStatusRequest,
    ModelSpec,
    SignatureDefMap,
)

_WHICH = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_ASKED = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_WHICH}:(?P<method>classify|regress|predict)", re.IGNORECASE
)
_SHOWN = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_WHICH}(?:/(?P<what>metadata))?", re.IGNORECASE
)
_MAX_VERSION = 2**63 - 1

_STATUSES = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.NOT_FOUND: 404,
    Code.PERMISSION_DENIED: 403,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.CANCELLED: 499,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class TensorFlowRest:
    """See `modelyard.inference.http_door.HttpProtocol`."""

    prefix = "/v1/"

    def __init__(
        self, predictor: Predictor, predictions: PredictionService, models: ModelService
    ) -> None:
        self._predictor = predictor
        self._predictions = predictions
        self._models = models

    def api_of(self, request: HttpRequest) -> str:
        asked = _ASKED.fullmatch(request.path)
        if request.method == "POST" and asked is not None:
            return f"rest/{asked['method'].lower()}"
        shown = _SHOWN.fullmatch(request.path)
        if request.method == "GET" and shown is not None:
            return "rest/metadata" if shown["what"] else "rest/status"
        return "rest/unknown"

    def status_of(self, error: ModelyardError) -> int:
        return _STATUSES.get(error.code, 500)

    def answer(self, request: HttpRequest) -> HttpResponse:
        asked = _ASKED.fullmatch(request.path) if request.method == "POST" else None
        shown = _SHOWN.fullmatch(request.path) if request.method == "GET" else None
        if asked is not None:
            return HttpResponse(self._asked(asked, request).encode())
        if shown is None:
            raise InvalidRequest(
                f"Malformed request: {request.method} {request.path[:300]}",
                reason="MALFORMED_REQUEST",
            )
        if not shown["name"]:
            raise InvalidRequest("Missing model name in request.", reason="MODEL_NAME_MISSING")
        spec = _spec(shown)
        told = self._metadata(spec) if shown["what"] else self._status(spec)
        return HttpResponse(json.dumps(told, indent=1).encode())

    def _asked(self, path: re.Match[str], request: HttpRequest) -> str:
        body = json_tensors.parse(request.body)
        if not isinstance(body, dict):
            raise InvalidRequest("Request data is not a JSON object", reason="MALFORMED_REQUEST")
        spec, signature = _spec(path), _signature(body)
        match path["method"].lower():
            case "predict":
                return self._predicted(spec, signature, body, request.call)
            case "classify":
                examples = examples_from(body)
                classes = classify(self._predictor, ref_of(spec), signature, examples, request.call)
                return _results([[[label, score] for label, score in row] for row in classes.rows])
            case _:
                examples = examples_from(body)
                values = regress(self._predictor, ref_of(spec), signature, examples, request.call)
                return _results(values.values)

    def _predicted(self, spec: Any, signature: str, body: Mapping[str, Any], call: Call) -> str:
        form = Format.of(body)

        def question(version: ServedVersion) -> Question:
            known = version.signatures.get(signature)
            if known is None:
                raise InvalidRequest(
                    f'Serving signature name: "{signature}" not found in signature def',
                    reason="SIGNATURE_NOT_FOUND",
                )
            return Question(inputs_from(body, form, known), signature)

        prediction = ask(self._predictor, ref_of(spec), question, call)
        if form is Format.ROW:
            return _object("predictions", _rows(prediction.outputs))
        return _object("outputs", _columns(prediction.outputs))

    def _status(self, spec: Any) -> Any:
        return _told(self._models.status(GetModelStatusRequest(model_spec=spec)))

    def _metadata(self, spec: Any) -> Any:
        asked = GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
        answer = self._predictions.metadata(asked)
        signatures = SignatureDefMap.FromString(answer.metadata["signature_def"].value)
        return {
            "model_spec": _told(answer.model_spec),
            "metadata": {"signature_def": _told(signatures)},
        }


def _spec(path: re.Match[str]) -> Any:
    spec = ModelSpec(name=unquote(path["name"]))
    if path["version"] is not None:
        version = int(path["version"]) if len(path["version"]) < 20 else _MAX_VERSION + 1
        if version > _MAX_VERSION:
            raise InvalidRequest(
                f"Failed to convert version: {path['version'][:40]} to numeric.",
                reason="MALFORMED_REQUEST",
            )
        spec.version.value = version
    elif path["label"] is not None:
        spec.version_label = unquote(path["label"])
    return spec


def _signature(body: Mapping[str, Any]) -> str:
    name = body.get("signature_name", "")
    if not isinstance(name, str):
        raise InvalidRequest(
            "'signature_name' key must be a string value.", reason="MALFORMED_REQUEST"
        )
    return name or DEFAULT_SIGNATURE


def _rows(outputs: Mapping[str, NDArray[Any]]) -> str:
    """One value or object for each example."""
    rows: int | None = None
    for name, array in sorted(outputs.items()):
        if not array.ndim:
            raise InvalidRequest(
                f"Tensor name: {name} has no batch dimension; ask with 'inputs'",
                reason="OUTPUT_ROWS",
            )
        if rows is None:
            rows = len(array)
        if len(array) != rows:
            raise InvalidRequest(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}",
                reason="OUTPUT_ROWS",
            )
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return _text(name, array)
    return _listed([_columns({n: a[i] for n, a in outputs.items()}) for i in range(rows or 0)])


def _columns(outputs: Mapping[str, Any]) -> str:
    """The one value, or an object of all."""
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return _text(name, array)
    return "{" + ", ".join(f"{json.dumps(n)}: {_text(n, a)}" for n, a in outputs.items()) + "}"


def _text(name: str, value: Any) -> str:
    array = value if isinstance(value, np.ndarray) else _scalar(value)
    return json_tensors.encode(array, as_base64=name.endswith("_bytes"))


def _scalar(value: Any) -> NDArray[Any]:
    """A string that was cut out of an object array would become an array of NumPy's own strings."""
    array = np.empty((), object if isinstance(value, bytes | str) else np.asarray(value).dtype)
    array[()] = value
    return array


def _results(rows: list[Any]) -> str:
    return _object("results", _listed([_result(row) for row in rows]))


def _result(row: Any) -> str:
    if isinstance(row, list):
        return _listed([f"[{json.dumps(label)}, {_number(score)}]" for label, score in row])
    return _number(row)


def _number(value: float) -> str:
    return json_tensors.encode(np.asarray(value, np.float32))


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(texts) + "]"


def _object(name: str, text: str) -> str:
    return f'{{\n    "{name}": {text}\n}}'


def _told(message: Any) -> Any:
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        descriptor_pool=POOL,
    )
