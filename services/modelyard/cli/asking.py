"""One question to a model: the typed call that its task asks for, and its answer for people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from modelyard.cli import inputs
from modelyard.cli.output import bar, number, print_table, printable, say
from modelyard.client import (
    Answer,
    Classifications,
    Client,
    FailedPrecondition,
    Forecasts,
    Model,
    Values,
)


@dataclass(frozen=True)
class Question:
    model: str
    inputs: tuple[str, ...]
    top: int
    horizon: int
    serving: Mapping[str, Any]
    choice: Mapping[str, Any]
    """version, alias and timeout, as every call takes them."""


def ask(client: Client, task: str, question: Question) -> Answer:
    return _ASK[task](client, question)


def task_of(model: Model) -> str:
    """Raises FailedPrecondition for a model that was not trained here, whose task nobody knows."""
    if model.task not in _ASK:
        raise FailedPrecondition(
            f"no typed call is known for the task {model.task!r} of {model.name}; choose one with --task",
            reason="UNKNOWN_TASK",
        )
    return model.task


def show(answer: Answer, asked: Sequence[str]) -> None:
    match answer:
        case Classifications():
            _show_classes(answer, asked)
        case Forecasts():
            steps = enumerate(answer.series[0], start=1)
            print_table(("STEP", "FORECAST"), [(f"+{step}", value) for step, value in steps])
        case Values():
            print_table(("ROW", "VALUE"), list(enumerate(answer.values, start=1)))


def tell_timing(answer: Answer, seconds: float) -> None:
    queue, run = answer.timing.queue * 1000, answer.timing.run * 1000
    say(
        f"{answer.model} version {answer.version} · {number(seconds * 1000)} ms "
        f"(queue {number(queue)}, model {number(run)})"
    )


def names(answer: Answer) -> list[str]:
    """The answers alone, one for each line of a script."""
    match answer:
        case Classifications():
            return list(answer.names)
        case Forecasts():
            return [" ".join(map(repr, series)) for series in answer.series]
        case Values():
            return list(map(repr, answer.values))


def _ask_images(client: Client, question: Question) -> Answer:
    images = inputs.images(question.inputs)
    return client.predict.classify_images(
        question.model, images, top_k=question.top, **question.choice
    )


def _ask_texts(client: Client, question: Question) -> Answer:
    texts = inputs.texts(question.inputs)
    return client.predict.classify_texts(
        question.model, texts, top_k=question.top, **question.choice
    )


def _ask_forecast(client: Client, question: Question) -> Answer:
    serving = question.serving
    history = inputs.history(
        question.inputs, str(serving.get("target", "")), tuple(serving.get("covariates") or ())
    )
    return client.predict.forecast(
        question.model,
        history.values,
        covariates=history.covariates,
        horizon=question.horizon,
        **question.choice,
    )


def _ask_row_classes(client: Client, question: Question) -> Answer:
    rows = inputs.rows(question.inputs)
    return client.predict.classify_rows(question.model, rows, top_k=question.top, **question.choice)


def _ask_row_values(client: Client, question: Question) -> Answer:
    rows = inputs.rows(question.inputs)
    return client.predict.predict_values(question.model, rows, **question.choice)


_ASK: Mapping[str, Callable[[Client, Question], Answer]] = {
    "image_classification": _ask_images,
    "text_classification": _ask_texts,
    "forecasting": _ask_forecast,
    "tabular_classification": _ask_row_classes,
    "tabular_regression": _ask_row_values,
}


def _show_classes(answer: Classifications, asked: Sequence[str]) -> None:
    for position, result in enumerate(answer.results):
        if len(answer.results) > 1:
            click.echo(asked[position] if position < len(asked) else f"row {position + 1}")
        width = max(len(scored.name) for scored in result.classes)
        for scored in result.classes:
            name = printable(scored.name).ljust(width)
            click.echo(f"{name}  {scored.score:6.1%} {bar(scored.score)}".rstrip())
