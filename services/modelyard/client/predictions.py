"""Typed predictions over gRPC. Every answer says which version gave it.

`version` and `alias` choose a version; without them the newest that is loaded answers.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from modelyard.client.errors import InvalidRequest, NotFound
from modelyard.client.rpc import Channel
from modelyard.v1 import (
    forecasting_pb2,
    forecasting_pb2_grpc,
    model_pb2,
    tabular_pb2,
    tabular_pb2_grpc,
    text_pb2,
    text_pb2_grpc,
    vision_pb2,
    vision_pb2_grpc,
)

Image = bytes | os.PathLike[str] | str | Any
"""An encoded image, the path of one, or an array [height, width] or [height, width, channels] of 0 … 255."""


@dataclass(frozen=True)
class ScoredClass:
    name: str
    score: float


@dataclass(frozen=True)
class Classification:
    """Best class first."""

    classes: tuple[ScoredClass, ...]

    @property
    def top(self) -> ScoredClass:
        return self.classes[0]


@dataclass(frozen=True)
class Timing:
    """Seconds that a call took in the service."""

    queue: float
    """Waiting for the batch that answered to start."""
    run: float
    """The run of that batch, which other calls may share."""


@dataclass(frozen=True)
class _Answer:
    model: str
    version: int
    timing: Timing


@dataclass(frozen=True)
class Classifications(_Answer):
    """`results` has one for each example, in the order of the call."""

    results: tuple[Classification, ...]

    @property
    def top(self) -> ScoredClass:
        """The best class of the first example."""
        return self.results[0].top


@dataclass(frozen=True)
class Forecasts(_Answer):
    """`series` has one for each series of the call: the next values, next first, in the target's own unit."""

    series: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Values(_Answer):
    """`values` has one for each row, in the target's own unit."""

    values: tuple[float, ...]


class Predictions:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def serves(self, model: str, *, timeout: float | None = None) -> bool:
        """Whether a version of the model answers there. Raises Unavailable if nobody does."""
        request = health_pb2.HealthCheckRequest(service=model)
        try:
            status = self._channel.call(_check_health, request, timeout).status
        except NotFound:
            return False
        return bool(status == health_pb2.HealthCheckResponse.SERVING)

    def classify_images(
        self,
        model: str,
        images: Sequence[Image],
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        """`top_k` 0 is all classes. Raises InvalidRequest naming the image that cannot be read."""
        request = vision_pb2.ClassifyImagesRequest(
            model=_model(model, version, alias),
            images=[_image(position, image) for position, image in enumerate(images)],
            top_k=top_k,
        )
        response = self._channel.call(_classify_images, request, timeout)
        return _classifications(response)

    def classify_texts(
        self,
        model: str,
        texts: Sequence[str],
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        request = text_pb2.ClassifyTextsRequest(
            model=_model(model, version, alias), texts=list(texts), top_k=top_k
        )
        response = self._channel.call(_classify_texts, request, timeout)
        return _classifications(response)

    def forecast(
        self,
        model: str,
        history: Iterable[float],
        *,
        horizon: int = 0,
        covariates: Mapping[str, Iterable[float]] | None = None,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Forecasts:
        """Continues one series, oldest value first. `horizon` 0 is all steps the model was trained for."""
        series = forecasting_pb2.Series(
            values=list(history),
            covariates=[
                forecasting_pb2.Covariate(name=name, values=list(values))
                for name, values in (covariates or {}).items()
            ],
        )
        request = forecasting_pb2.ForecastRequest(
            model=_model(model, version, alias), series=[series], horizon=horizon
        )
        response = self._channel.call(_forecast, request, timeout)
        series_values = tuple(tuple(forecast.values) for forecast in response.forecasts)
        return Forecasts(*_answered_by(response), series_values)

    def classify_rows(
        self,
        model: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        """Rows map a column to a number or a text; None and columns left out are missing values."""
        request = tabular_pb2.ClassifyRowsRequest(
            model=_model(model, version, alias), rows=_rows(rows), top_k=top_k
        )
        response = self._channel.call(_classify_rows, request, timeout)
        return _classifications(response)

    def predict_values(
        self,
        model: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Values:
        request = tabular_pb2.PredictValuesRequest(
            model=_model(model, version, alias), rows=_rows(rows)
        )
        response = self._channel.call(_predict_values, request, timeout)
        return Values(*_answered_by(response), tuple(response.values))


def _check_health(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel).Check


def _classify_images(channel: grpc.Channel) -> Any:
    return vision_pb2_grpc.VisionServiceStub(channel).ClassifyImages


def _classify_texts(channel: grpc.Channel) -> Any:
    return text_pb2_grpc.TextServiceStub(channel).ClassifyTexts


def _forecast(channel: grpc.Channel) -> Any:
    return forecasting_pb2_grpc.ForecastingServiceStub(channel).Forecast


def _classify_rows(channel: grpc.Channel) -> Any:
    return tabular_pb2_grpc.TabularServiceStub(channel).ClassifyRows


def _predict_values(channel: grpc.Channel) -> Any:
    return tabular_pb2_grpc.TabularServiceStub(channel).PredictValues


def _model(name: str, version: int | None, alias: str | None) -> model_pb2.ModelSpec:
    if version is not None and alias is not None:
        raise InvalidRequest(f"choose a version or an alias, not both ({version}, {alias!r})")
    if version is not None:
        return model_pb2.ModelSpec(name=name, version=version)
    return model_pb2.ModelSpec(name=name, alias=alias) if alias else model_pb2.ModelSpec(name=name)


def _image(position: int, image: Image) -> vision_pb2.Image:
    if isinstance(image, bytes):
        return vision_pb2.Image(encoded=image)
    if isinstance(image, str | os.PathLike):
        try:
            return vision_pb2.Image(encoded=Path(image).read_bytes())
        except OSError as error:
            raise InvalidRequest(f"images[{position}]: cannot read {image}: {error}") from error
    return vision_pb2.Image(pixels=_pixels(position, image))


def _pixels(position: int, array: Any) -> vision_pb2.PixelArray:
    # Late: whoever has an array has NumPy, and nobody else needs it.
    import numpy as np

    pixels = np.asarray(array)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise InvalidRequest(
            f"images[{position}]: expected bytes, a path, or a uint8 array [height, width, channels], "
            f"received {pixels.dtype} {list(pixels.shape)}"
        )
    height, width, channels = pixels.shape
    return vision_pb2.PixelArray(
        height=height, width=width, channels=channels, data=pixels.tobytes()
    )


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[tabular_pb2.Row]:
    return [
        tabular_pb2.Row(values={column: _value(value) for column, value in row.items()})
        for row in rows
    ]


def _value(value: Any) -> tabular_pb2.Value:
    if value is None:
        return tabular_pb2.Value()
    if isinstance(value, str):
        return tabular_pb2.Value(text=value)
    return tabular_pb2.Value(number=float(value))


def _classifications(response: Any) -> Classifications:
    results = tuple(
        Classification(tuple(ScoredClass(c.name, c.score) for c in result.classes))
        for result in response.results
    )
    return Classifications(*_answered_by(response), results)


def _answered_by(response: Any) -> tuple[str, int, Timing]:
    timing = Timing(response.latency.queue_seconds, response.latency.run_seconds)
    return response.model.name, response.model.version, timing
