"""How forecasters are asked: modelyard.v1.ForecastingService."""

from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest
from modelyard.model_store import Manifest
from modelyard.prediction import Predictor
from modelyard.tasks import serving
from modelyard.tasks.serving import Question
from modelyard.v1 import forecasting_pb2, forecasting_pb2_grpc

TASKS = ("forecasting",)
_LARGEST = float(np.finfo(np.float32).max)


class ForecastingServicer(forecasting_pb2_grpc.ForecastingServiceServicer):
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def Forecast(
        self, request: forecasting_pb2.ForecastRequest, context: grpc.ServicerContext
    ) -> forecasting_pb2.ForecastResponse:
        serving.check_some("series", request.series)
        manifest, prediction = serving.ask(
            self._predictor,
            request.model,
            TASKS,
            lambda manifest: _question(manifest, request),
            context,
        )
        steps = _horizon(manifest, request.horizon)
        return forecasting_pb2.ForecastResponse(
            model=serving.answered_by(prediction),
            forecasts=[
                forecasting_pb2.SeriesForecast(values=row[:steps].tolist())
                for row in prediction.outputs["forecast"]
            ],
            latency=serving.latency(prediction),
        )


def _question(manifest: Manifest, request: forecasting_pb2.ForecastRequest) -> Question:
    _horizon(manifest, request.horizon)
    window = int(serving.setting(manifest, "window"))
    covariates = tuple(manifest.serving.get("covariates") or ())
    rows = [
        _rows(f"series[{index}]", series, window, covariates)
        for index, series in enumerate(request.series)
    ]
    return Question({"history": np.stack(rows)})


def _horizon(manifest: Manifest, wanted: int) -> int:
    """How many steps to answer."""
    trained = int(serving.setting(manifest, "horizon"))
    if not 0 <= wanted <= trained:
        raise InvalidRequest.of(
            "horizon",
            f"is not one that {manifest.model} was trained for",
            expected=f"0 for all, or 1 to {trained} steps",
            received=str(wanted),
        )
    return wanted or trained


def _rows(
    field: str, series: forecasting_pb2.Series, window: int, covariates: Sequence[str]
) -> NDArray[np.float32]:
    """[window, 1 + covariates]: the newest steps only, so that long and short series share a batch."""
    if len(series.values) < window:
        raise InvalidRequest.of(
            f"{field}.values",
            "is too short",
            expected=f"at least {window} values",
            received=f"{len(series.values)} values",
        )
    given = {covariate.name: covariate.values for covariate in series.covariates}
    _check_covariates(field, [c.name for c in series.covariates], covariates)
    columns = [_column(f"{field}.values", series.values, window)]
    for name in covariates:
        where = f"{field}.covariates[{name}].values"
        if len(given[name]) != len(series.values):
            raise InvalidRequest.of(
                where,
                "has not as many values as the series",
                expected=f"{len(series.values)} values",
                received=f"{len(given[name])} values",
            )
        columns.append(_column(where, given[name], window))
    return np.stack(columns, axis=1)


def _check_covariates(field: str, given: Sequence[str], wanted: Sequence[str]) -> None:
    if sorted(given) != sorted(wanted):
        raise InvalidRequest.of(
            f"{field}.covariates",
            "are not those that the model was trained with",
            expected=", ".join(sorted(wanted)) or "none",
            received=", ".join(sorted(given)) or "none",
        )


def _column(field: str, values: Sequence[float], window: int) -> NDArray[np.float32]:
    newest: NDArray[Any] = np.asarray(values[-window:], dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(newest) <= _LARGEST))  # NaN compares false
    if wrong.size:
        position = len(values) - window + int(wrong[0])
        raise InvalidRequest.of(
            f"{field}[{position}]",
            "is not a number that the model can take",
            expected="a finite number",
            received=str(newest[wrong[0]]),
        )
    return newest.astype(np.float32)
