"""The golden batch and the warmup requests of a version: TFRecord files of PredictionLog.

TensorFlow Serving replays the same warmup file when it loads the version.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from modelyard.errors import FailedPrecondition
from modelyard.wire import tensors, tfrecord
from modelyard.wire.tf_serving import (
    ModelSpec,
    PredictionLog,
    PredictLog,
    PredictRequest,
    PredictResponse,
)

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Record:
    """A request to one signature; `outputs` is what training computed, empty in a warmup request."""

    signature: str
    inputs: Arrays
    outputs: Arrays
    wanted: tuple[str, ...] = ()
    """The outputs that the request asks for; empty is all of them."""


def write(path: Path, model: str, version: int, records: Iterable[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tfrecord.write(path, (_log(model, version, record) for record in records))


def read(path: Path) -> Iterator[Record]:
    """Raises FailedPrecondition if the file is damaged."""
    for data in tfrecord.read(path):
        try:
            log = PredictionLog.FromString(data)
        except DecodeError as error:
            raise FailedPrecondition(
                f"{path} holds a record that is no PredictionLog", reason="DAMAGED_RECORD_FILE"
            ) from error
        if log.WhichOneof("log_type") == "predict_log":
            yield _record(log.predict_log)


def _log(model: str, version: int, record: Record) -> bytes:
    spec = ModelSpec(name=model, signature_name=record.signature)
    spec.version.value = version
    log = PredictLog(request=PredictRequest(model_spec=spec, inputs=_encoded(record.inputs)))
    if record.outputs:
        answer = PredictResponse(model_spec=spec, outputs=_encoded(record.outputs))
        log.response.CopyFrom(answer)
    serialized: bytes = PredictionLog(predict_log=log).SerializeToString()
    return serialized


def _record(log: Any) -> Record:
    return Record(
        log.request.model_spec.signature_name or "serving_default",
        _decoded(log.request.inputs),
        _decoded(log.response.outputs),
        tuple(log.request.output_filter),
    )


def _encoded(arrays: Arrays) -> dict[str, Any]:
    return {name: tensors.encode(array) for name, array in arrays.items()}


def _decoded(protos: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    return {name: tensors.decode(name, proto) for name, proto in protos.items()}
