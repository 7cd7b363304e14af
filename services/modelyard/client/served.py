"""One model as it is asked by people: what they hold in their hands decides which call it is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelyard.client import inputs, models, predictions
from modelyard.client.answers import Answer, Classifications, Forecasts
from modelyard.client.errors import ApiError, FailedPrecondition, InvalidRequest
from modelyard.client.predictions import Target
from modelyard.client.retrying import Options
from modelyard.client.steps import Steps

IMAGES = "image_classification"
FORECASTING = "forecasting"
REGRESSION = "tabular_regression"


class Task:
    """The task of a model: told, or looked up once, when the input alone does not say it."""

    def __init__(self, model: str, known: str | None) -> None:
        self._model = model
        self._known = known or ""

    def steps(self, options: Options) -> Steps[str]:
        if not self._known:
            try:
                self._known = (yield from models.get(options, self._model)).task
            except ApiError as error:
                raise FailedPrecondition(
                    f"which task {self._model} was trained for cannot be looked up ({error.message}); "
                    f'say it: client.model({self._model!r}, task="{IMAGES}")',
                    reason="UNKNOWN_TASK",
                ) from error
        return self._known


def classify(
    options: Options, target: Target, task: Task, given: Any, top_k: int
) -> Steps[Classifications]:
    if inputs.is_rows(given) or (_first_is(given, inputs.is_rows)):
        return (yield from predictions.classify_rows(options, target, given, top_k))
    if inputs.is_image(given) or (_first_is(given, inputs.is_image)):
        images = inputs.each_image(given)
        return (yield from predictions.classify_images(options, target, images, top_k))
    texts = _texts(given)
    kind = yield from task.steps(options)
    if kind == IMAGES:
        return (yield from predictions.classify_images(options, target, texts, top_k))
    return (yield from predictions.classify_texts(options, target, texts, top_k))


def forecast(
    options: Options,
    target: Target,
    history: Any,
    covariates: Mapping[str, Iterable[float]] | Sequence[Mapping[str, Iterable[float]]] | None,
    horizon: int,
) -> Steps[Forecasts]:
    histories, further = _series(history, covariates)
    series = [inputs.series(h, c) for h, c in zip(histories, further, strict=True)]
    return (yield from predictions.forecast(options, target, series, horizon))


def predict(options: Options, target: Target, task: Task, given: Any) -> Steps[Answer]:
    kind = yield from task.steps(options)
    if kind == FORECASTING:
        return (yield from forecast(options, target, given, None, 0))
    if kind == REGRESSION:
        return (yield from predictions.predict_values(options, target, given))
    return (yield from classify(options, target, task, given, 0))


def _first_is(given: Any, kind: Any) -> bool:
    return isinstance(given, Sequence) and len(given) > 0 and bool(kind(given[0]))


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidRequest(
                f"inputs[{position}]: expected an image, a text or a row, "
                f"received {type(text).__name__}",
                reason="WRONG_INPUT",
            )
    return texts


def _series(history: Any, covariates: Any) -> tuple[list[Any], list[Any]]:
    """One series, or many: a list of lists, or an array of two dimensions."""
    values = list(history)
    if not values or not isinstance(values[0], Iterable):
        return [values], [covariates]
    further = [None] * len(values) if covariates is None else list(covariates)
    if len(further) != len(values):
        raise InvalidRequest(
            f"covariates: expected one mapping for each of {len(values)} series, "
            f"received {len(further)}",
            reason="WRONG_INPUT",
        )
    return [list(each) for each in values], further
