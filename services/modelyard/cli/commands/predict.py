"""`modelyard predict MODEL INPUT…`: one typed gRPC call, picked by the model's task."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from modelyard.cli import exits, inputs
from modelyard.cli.addresses import client_of
from modelyard.cli.output import bar, number, output_option, print_json, print_table, say
from modelyard.client import Classifications, Client, FailedPrecondition, Forecasts, Model, Values

_TASKS = (
    "image_classification",
    "text_classification",
    "forecasting",
    "tabular_classification",
    "tabular_regression",
)
Answer = Classifications | Forecasts | Values


@dataclass(frozen=True)
class _Question:
    model: str
    inputs: tuple[str, ...]
    top: int
    horizon: int
    serving: Mapping[str, Any]
    choice: Mapping[str, Any]
    """version, alias and timeout, as every call takes them."""


@click.command("predict")
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT…")
@click.option(
    "--top", type=click.IntRange(0), default=3, show_default=True, help="Classes; 0 is all."
)
@click.option(
    "--horizon", type=click.IntRange(0), default=0, help="Steps of a forecast. [default: all]"
)
@click.option("--version", type=click.IntRange(1), help="Ask this version.")
@click.option("--alias", help="Ask the version that this alias names.")
@click.option("--task", type=click.Choice(_TASKS), help="Do not look it up.")
@click.option("--timeout", type=float, metavar="SECONDS")
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    inputs: tuple[str, ...],
    top: int,
    horizon: int,
    version: int | None,
    alias: str | None,
    task: str | None,
    timeout: float | None,
    output: str,
) -> int:
    """Ask MODEL.

    \b
    Images:    predict digits seven.png three.png
    Texts:     predict sms "You have won a prize"        (- reads one a line)
    Forecast:  predict airline history.csv --horizon 6   (or numbers, or JSON)
    Tables:    predict wine '{"alcohol": 13.2}'          (or a CSV or JSON file)
    """
    client = client_of(ctx)
    known = None if task else client.models.get(model)
    choice = {"version": version, "alias": alias, "timeout": timeout}
    question = _Question(model, inputs, top, horizon, known.serving if known else {}, choice)
    began = time.perf_counter()
    answer = _ASK[task or _task_of(known)](client, question)
    seconds = time.perf_counter() - began
    if output != "table":
        print_json(asdict(answer))
        return exits.OK
    _show(answer, inputs)
    _tell_timing(answer, seconds)
    return exits.OK


def _task_of(model: Model | None) -> str:
    assert model is not None
    if model.task not in _ASK:
        raise FailedPrecondition(
            f"no typed call is known for the task {model.task!r} of {model.name}; choose one with --task",
            reason="UNKNOWN_TASK",
        )
    return model.task


def _ask_images(client: Client, question: _Question) -> Answer:
    images = inputs.images(question.inputs)
    return client.predict.classify_images(
        question.model, images, top_k=question.top, **question.choice
    )


def _ask_texts(client: Client, question: _Question) -> Answer:
    texts = inputs.texts(question.inputs)
    return client.predict.classify_texts(
        question.model, texts, top_k=question.top, **question.choice
    )


def _ask_forecast(client: Client, question: _Question) -> Answer:
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


def _ask_row_classes(client: Client, question: _Question) -> Answer:
    rows = inputs.rows(question.inputs)
    return client.predict.classify_rows(question.model, rows, top_k=question.top, **question.choice)


def _ask_row_values(client: Client, question: _Question) -> Answer:
    rows = inputs.rows(question.inputs)
    return client.predict.predict_values(question.model, rows, **question.choice)


_ASK: Mapping[str, Callable[[Client, _Question], Answer]] = dict(
    zip(
        _TASKS,
        (_ask_images, _ask_texts, _ask_forecast, _ask_row_classes, _ask_row_values),
        strict=True,
    )
)


def _show(answer: Answer, asked: Sequence[str]) -> None:
    match answer:
        case Classifications():
            _show_classes(answer, asked)
        case Forecasts():
            steps = enumerate(answer.series[0], start=1)
            print_table(("STEP", "FORECAST"), [(f"+{step}", value) for step, value in steps])
        case Values():
            print_table(("ROW", "VALUE"), list(enumerate(answer.values, start=1)))


def _show_classes(answer: Classifications, asked: Sequence[str]) -> None:
    for position, result in enumerate(answer.results):
        if len(answer.results) > 1:
            click.echo(asked[position] if position < len(asked) else f"row {position + 1}")
        width = max(len(scored.name) for scored in result.classes)
        for scored in result.classes:
            line = f"{scored.name:<{width}}  {scored.score:6.1%} {bar(scored.score)}"
            click.echo(line.rstrip())


def _tell_timing(answer: Answer, seconds: float) -> None:
    queue, run = answer.timing.queue * 1000, answer.timing.run * 1000
    say(
        f"{answer.model} version {answer.version} · {number(seconds * 1000)} ms "
        f"(queue {number(queue)}, model {number(run)})"
    )
