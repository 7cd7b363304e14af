"""Typed predictions over gRPC: the steps of each call, and how a large one is cut and put together again."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from grpc_health.v1 import health_pb2

from modelyard.client import inputs, rpc
from modelyard.client.answers import (
    Classification,
    Classifications,
    Forecasts,
    ScoredClass,
    Timing,
    Values,
)
from modelyard.client.errors import ApiError, InvalidRequest, NotFound
from modelyard.client.retrying import Options
from modelyard.client.steps import Steps
from modelyard.v1 import forecasting_pb2, model_pb2, tabular_pb2, text_pb2, vision_pb2

_MOST_EXAMPLES = 256
_MOST_BYTES = 16 * 1024 * 1024
_BEGINNINGS = 3  # how often a call that is cut begins again because its version was swapped
_INDEX = re.compile(r"^(\w+)\[(\d+)\]")

A = TypeVar("A", Classifications, Forecasts, Values)


@dataclass(frozen=True)
class Target:
    """Which version of which model is asked; without a choice the newest that is loaded."""

    model: str
    version: int | None = None
    alias: str | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.version is not None and self.alias is not None:
            raise InvalidRequest(
                f"choose a version or an alias, not both ({self.version}, {self.alias!r})"
            )

    @property
    def spec(self) -> model_pb2.ModelSpec:
        if self.version is not None:
            return model_pb2.ModelSpec(name=self.model, version=self.version)
        if self.alias is not None:
            return model_pb2.ModelSpec(name=self.model, alias=self.alias)
        return model_pb2.ModelSpec(name=self.model)


def serves(options: Options, model: str, timeout: float | None) -> Steps[bool]:
    """Whether a version of the model answers there. Raises Unavailable if nobody does."""
    request = health_pb2.HealthCheckRequest(service=model)
    response = health_pb2.HealthCheckResponse
    try:
        answer = yield from rpc.ask(
            options, "/grpc.health.v1.Health/Check", request, response, timeout
        )
    except NotFound:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def classify_images(
    options: Options, target: Target, images: Iterable[inputs.Image], top_k: int
) -> Steps[Classifications]:
    items = [inputs.image(position, image) for position, image in enumerate(images)]

    def ask(target: Target, part: Sequence[Any]) -> Steps[Classifications]:
        request = vision_pb2.ClassifyImagesRequest(model=target.spec, images=part, top_k=top_k)
        method = "/modelyard.v1.VisionService/ClassifyImages"
        answer = yield from rpc.ask(
            options, method, request, vision_pb2.ClassifyImagesResponse, target.timeout
        )
        return _classifications(answer)

    return (yield from _in_parts(ask, target, items, Classifications.joined))


def classify_texts(
    options: Options, target: Target, texts: Iterable[str], top_k: int
) -> Steps[Classifications]:
    def ask(target: Target, part: Sequence[Any]) -> Steps[Classifications]:
        request = text_pb2.ClassifyTextsRequest(model=target.spec, texts=part, top_k=top_k)
        method = "/modelyard.v1.TextService/ClassifyTexts"
        answer = yield from rpc.ask(
            options, method, request, text_pb2.ClassifyTextsResponse, target.timeout
        )
        return _classifications(answer)

    return (yield from _in_parts(ask, target, list(map(_text, texts)), Classifications.joined))


def classify_rows(
    options: Options, target: Target, rows: inputs.Rows, top_k: int
) -> Steps[Classifications]:
    def ask(target: Target, part: Sequence[Any]) -> Steps[Classifications]:
        request = tabular_pb2.ClassifyRowsRequest(model=target.spec, rows=part, top_k=top_k)
        method = "/modelyard.v1.TabularService/ClassifyRows"
        answer = yield from rpc.ask(
            options, method, request, tabular_pb2.ClassifyRowsResponse, target.timeout
        )
        return _classifications(answer)

    return (yield from _in_parts(ask, target, inputs.rows(rows), Classifications.joined))


def predict_values(options: Options, target: Target, rows: inputs.Rows) -> Steps[Values]:
    def ask(target: Target, part: Sequence[Any]) -> Steps[Values]:
        request = tabular_pb2.PredictValuesRequest(model=target.spec, rows=part)
        method = "/modelyard.v1.TabularService/PredictValues"
        answer = yield from rpc.ask(
            options, method, request, tabular_pb2.PredictValuesResponse, target.timeout
        )
        return Values(*_answered_by(answer), tuple(answer.values))

    return (yield from _in_parts(ask, target, inputs.rows(rows), Values.joined))


def forecast(
    options: Options, target: Target, series: Sequence[forecasting_pb2.Series], horizon: int
) -> Steps[Forecasts]:
    def ask(target: Target, part: Sequence[Any]) -> Steps[Forecasts]:
        request = forecasting_pb2.ForecastRequest(model=target.spec, series=part, horizon=horizon)
        method = "/modelyard.v1.ForecastingService/Forecast"
        answer = yield from rpc.ask(
            options, method, request, forecasting_pb2.ForecastResponse, target.timeout
        )
        return Forecasts(*_answered_by(answer), tuple(tuple(f.values) for f in answer.forecasts))

    return (yield from _in_parts(ask, target, series, Forecasts.joined))


def _in_parts(
    ask: Callable[[Target, Sequence[Any]], Steps[A]],
    target: Target,
    items: Sequence[Any],
    join: Callable[[Sequence[A]], A],
) -> Steps[A]:
    """One answer of one version, however many calls it takes.

    The version that answers the first part answers them all. If it is swapped for another one meanwhile,
    and the caller had not chosen it, everything is asked again.
    """
    parts = list(_parts(items)) or [items]
    for beginning in range(_BEGINNINGS):
        answers: list[A] = []
        pinned = target
        try:
            for part in parts:
                offset = sum(len(done) for done in parts[: len(answers)])
                answers.append((yield from _shifted(ask(pinned, part), offset)))
                pinned = replace(target, version=answers[0].version, alias=None)
        except NotFound:
            if not answers or target.version is not None or beginning + 1 == _BEGINNINGS:
                raise
            continue
        return answers[0] if len(answers) == 1 else join(answers)
    raise AssertionError("unreachable")


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Of at most 256 examples and about 16 MiB, which no queue of the service finds too large."""
    part: list[Any] = []
    size = 0
    for item in items:
        bytes_of = len(item) if isinstance(item, str) else item.ByteSize()
        if part and (len(part) == _MOST_EXAMPLES or size + bytes_of > _MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(item)
        size += bytes_of
    if part:
        yield part


def _shifted(steps: Steps[A], offset: int) -> Steps[A]:
    """Violations of a later part name the example by its place in the whole call."""
    try:
        return (yield from steps)
    except ApiError as error:
        if offset:
            error.violations = tuple(
                replace(
                    violation,
                    field=_INDEX.sub(
                        lambda found: f"{found[1]}[{int(found[2]) + offset}]", violation.field
                    ),
                )
                for violation in error.violations
            )
        raise


def _text(text: str) -> str:
    if not isinstance(text, str):
        raise InvalidRequest(f"texts: expected text, received {type(text).__name__}")
    return text


def _classifications(response: Any) -> Classifications:
    results = tuple(
        Classification(tuple(ScoredClass(c.name, c.score) for c in result.classes))
        for result in response.results
    )
    return Classifications(*_answered_by(response), results)


def _answered_by(response: Any) -> tuple[str, int, Timing]:
    timing = Timing(response.latency.queue_seconds, response.latency.run_seconds)
    return response.model.name, response.model.version, timing
