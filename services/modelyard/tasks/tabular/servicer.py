"""How models of tables are asked: modelyard.v1.TabularService."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest
from modelyard.model_store import Manifest
from modelyard.prediction import Arrays, Predictor
from modelyard.tasks import serving
from modelyard.tasks.serving import Question
from modelyard.v1 import tabular_pb2, tabular_pb2_grpc

CLASSIFICATION = ("tabular_classification",)
REGRESSION = ("tabular_regression",)
_LARGEST = float(np.finfo(np.float32).max)


class TabularServicer(tabular_pb2_grpc.TabularServiceServicer):
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def ClassifyRows(
        self, request: tabular_pb2.ClassifyRowsRequest, context: grpc.ServicerContext
    ) -> tabular_pb2.ClassifyRowsResponse:
        serving.check_some("rows", request.rows)
        serving.check_top_k(request.top_k)
        manifest, prediction = serving.ask(
            self._predictor,
            request.model,
            CLASSIFICATION,
            lambda manifest: Question(_columns(manifest, request.rows)),
            context,
        )
        return tabular_pb2.ClassifyRowsResponse(
            model=serving.answered_by(prediction),
            results=serving.classifications(manifest, prediction.outputs, request.top_k),
            latency=serving.latency(prediction),
        )

    def PredictValues(
        self, request: tabular_pb2.PredictValuesRequest, context: grpc.ServicerContext
    ) -> tabular_pb2.PredictValuesResponse:
        serving.check_some("rows", request.rows)
        _, prediction = serving.ask(
            self._predictor,
            request.model,
            REGRESSION,
            lambda manifest: Question(_columns(manifest, request.rows)),
            context,
        )
        return tabular_pb2.PredictValuesResponse(
            model=serving.answered_by(prediction),
            values=prediction.outputs["value"].tolist(),
            latency=serving.latency(prediction),
        )


def _columns(manifest: Manifest, rows: Sequence[tabular_pb2.Row]) -> Arrays:
    """One array per input of the signature; what a row leaves out is missing."""
    kinds: Mapping[str, str] = serving.setting(manifest, "columns")
    names: Mapping[str, str] = serving.setting(manifest, "inputs")
    _check_names(rows, sorted(names.values()))
    return {
        input_name: _numbers(names[input_name], rows)
        if kind == "number"
        else _texts(names[input_name], rows)
        for input_name, kind in kinds.items()
    }


def _check_names(rows: Sequence[tabular_pb2.Row], known: Sequence[str]) -> None:
    for index, row in enumerate(rows):
        unknown = sorted(set(row.values) - set(known))
        if unknown:
            raise InvalidRequest.of(
                f"rows[{index}].values[{unknown[0]}]",
                "is not a column of the model",
                expected=", ".join(known)[:300],
                received=unknown[0][:100],
            )


def _numbers(name: str, rows: Sequence[tabular_pb2.Row]) -> NDArray[np.float32]:
    numbers = np.full(len(rows), np.nan, np.float64)
    for index, row in enumerate(rows):
        kind = _kind(row, name)
        if kind is None:
            continue
        numbers[index] = row.values[name].number
        if kind != "number" or abs(numbers[index]) > _LARGEST:  # NaN is a missing value
            raise _wrong(index, row, name, "a number of the range of float32")
    return numbers.astype(np.float32)


def _texts(name: str, rows: Sequence[tabular_pb2.Row]) -> NDArray[Any]:
    texts = np.full(len(rows), b"", dtype=object)
    for index, row in enumerate(rows):
        kind = _kind(row, name)
        if kind is None:
            continue
        if kind != "text":
            raise _wrong(index, row, name, "a text")
        texts[index] = row.values[name].text.encode()
    return texts


def _kind(row: tabular_pb2.Row, name: str) -> str | None:
    """None where the value is missing. Looking a name up in a map of messages would add it."""
    return row.values[name].WhichOneof("kind") if name in row.values else None


def _wrong(index: int, row: tabular_pb2.Row, name: str, expected: str) -> InvalidRequest:
    value = row.values[name]
    received = value.text if value.WhichOneof("kind") == "text" else str(value.number)
    return InvalidRequest.of(
        f"rows[{index}].values[{name}]",
        "does not fit its column",
        expected=expected,
        received=repr(received[:80]),
    )
