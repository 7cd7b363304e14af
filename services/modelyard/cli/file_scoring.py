"""`predict --input FILE --output FILE`: a whole file through a model, in batches, with progress."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from modelyard.cli import exits
from modelyard.cli.output import mark, number, print_one, say
from modelyard.cli.progress import Progress
from modelyard.cli.scoring import Asked, BadRow, Result, open_table, score
from modelyard.cli.scoring import rows as scoring_rows
from modelyard.cli.scoring.rows import Wanted
from modelyard.client import Answer, Client, Forecasts
from modelyard.errors import BadData, InvalidRequest

_TIMEOUT, _RETRIES = 60.0, 8


@dataclass(frozen=True)
class Order:
    """What was asked for at the prompt."""

    model: str
    input: Path
    output: Path | None
    """None is standard output."""
    version: int | None
    alias: str | None
    task: str | None
    top: int
    horizon: int
    batch: int
    strict: bool


def run(client: Client, order: Order, form: str) -> int:
    """Exit code 0 if every row was answered, 1 if some were left out, 2 at the first bad row of a strict run."""
    if order.output is None and form != "table":
        raise click.UsageError("say --output FILE: standard output cannot take both")
    wanted = _wanted(client, order)
    ask = _asker(client.with_options(timeout=_TIMEOUT, retries=_RETRIES), order, wanted.task)
    began = time.monotonic()
    with (
        open_table(order.output) as table,
        Progress(f"scoring {order.input.name}", unit=_unit(order.input)) as progress,
    ):
        total = scoring_rows.total(order.input)
        result = score(
            scoring_rows.read(order.input, wanted),
            ask,
            table,
            batch=order.batch,
            refuse=_refuser(order, progress),
            reach=lambda done: progress.reach(done, total),
        )
    _tell(order, result, time.monotonic() - began, form)
    return exits.FAILED if result.bad else exits.OK


def _wanted(client: Client, order: Order) -> Wanted:
    """Of the version that will be asked; without its manifest, what was said with --task."""
    if order.task:
        return Wanted(order.task, {})
    model = client.models.get(order.model)
    number = order.version or (model.aliases.get(order.alias) if order.alias else model.latest)
    if order.alias and number is None:
        raise InvalidRequest.of(
            "--alias",
            f"{order.model} has no such alias",
            expected=", ".join(model.aliases) or "none is set",
            received=order.alias,
        )
    manifest = client.models.version(order.model, number).manifest if number else None
    if manifest is None:
        raise InvalidRequest.of("--task", "must be said of a model that was not trained here")
    return Wanted.of(manifest)


def _unit(path: Path) -> str:
    return "images" if path.is_dir() else "bytes"


def _asker(client: Client, order: Order, task: str) -> Asked:
    predict = client.predict
    choice: dict[str, Any] = {"version": order.version, "alias": order.alias}

    def forecasts(values: list[Any]) -> Answer:
        return Forecasts.joined(
            [
                predict.forecast(order.model, horizon=order.horizon, **value, **choice)
                for value in values
            ]
        )

    askers: dict[str, Asked] = {
        "image_classification": lambda v: predict.classify_images(
            order.model, v, top_k=order.top, **choice
        ),
        "text_classification": lambda v: predict.classify_texts(
            order.model, v, top_k=order.top, **choice
        ),
        "tabular_classification": lambda v: predict.classify_rows(
            order.model, v, top_k=order.top, **choice
        ),
        "tabular_regression": lambda v: predict.predict_values(order.model, v, **choice),
        "forecasting": forecasts,
    }
    return askers[task]


def _refuser(order: Order, progress: Progress) -> Any:
    def refuse(row: BadRow) -> None:
        if order.strict:
            raise BadData.of(row.where, row.message)
        progress.say(f"{mark('warn')} {row.where}: {row.message}")

    return refuse


def _tell(order: Order, result: Result, seconds: float, form: str) -> None:
    where = str(order.output) if order.output else "standard output"
    summary = {
        "model": result.model,
        "versions": sorted(result.versions),
        "rows": result.rows,
        "bad_rows": result.bad,
        "seconds": round(seconds, 3),
        "output": where,
    }
    print_one(summary, form, lambda: None, name=where)
    rate = number(result.rows / seconds) if seconds else "?"
    bad = f", {result.bad} bad and left out" if result.bad else ""
    kind = "ok" if not result.bad else "warn" if result.rows else "bad"
    say(f"{mark(kind)} {result.rows:,} rows in {seconds:.1f} s ({rate} a second){bad} → {where}")
    if len(result.versions) > 1:
        versions = ", ".join(map(str, sorted(result.versions)))
        say(f"{mark('warn')} the model was published anew meanwhile: versions {versions} answered")
