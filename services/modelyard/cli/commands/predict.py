"""`modelyard predict MODEL`: one typed gRPC call, picked by the model's task; or a whole file, in batches."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.completions import complete_models
from modelyard.cli.output import output_option, print_all, print_one

_TASKS = (
    "image_classification",
    "text_classification",
    "forecasting",
    "tabular_classification",
    "tabular_regression",
)


@click.command("predict")
@click.argument("model", shell_complete=complete_models)
@click.argument("inputs", nargs=-1, metavar="[INPUT]…")
@click.option(
    "--input",
    "file",
    type=click.Path(path_type=Path, exists=True),
    help="Score a whole .csv, .tsv, .jsonl or .txt file, or a folder of images.",
)
@click.option(
    "--output",
    "result",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the answers go, .csv, .tsv or .jsonl. [default: JSON Lines on stdout]",
)
@click.option(
    "--batch", type=click.IntRange(1, 4096), default=256, show_default=True, help="Rows of a call."
)
@click.option("--strict", is_flag=True, help="End at the first bad row, and write nothing.")
@click.option("--top", type=click.IntRange(0), help="Classes; 0 is all. [default: 3, of a file: 1]")
@click.option(
    "--horizon", type=click.IntRange(0), default=0, help="Steps of a forecast. [default: all]"
)
@click.option("--version", type=click.IntRange(1), help="Ask this version.")
@click.option("--alias", help="Ask the version that this alias names.")
@click.option("--task", type=click.Choice(_TASKS), help="Do not look it up.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Of one call.")
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    inputs: tuple[str, ...],
    file: Path | None,
    result: Path | None,
    batch: int,
    strict: bool,
    top: int | None,
    horizon: int,
    version: int | None,
    alias: str | None,
    task: str | None,
    timeout: float | None,
    output: str,
) -> int:
    """Ask MODEL, or let it score a whole file.

    \b
    Images:    predict digits seven.png three.png
    Texts:     predict sms "You have won a prize"        (- reads one a line)
    Forecast:  predict airline history.csv --horizon 6   (or numbers, or JSON)
    Tables:    predict wine '{"alcohol": 13.2}'          (or a CSV or JSON file)
    A file:    predict wine --input orders.csv --output scored.csv

    A row of a file that cannot be read or is refused is told with its line, and left out; the exit code
    is then 1. The file with the answers is there as a whole or not at all.
    """
    if bool(inputs) == bool(file):
        raise click.UsageError("say what to ask about: INPUT…, or --input FILE", ctx)
    if version is not None and alias is not None:
        raise click.UsageError("choose --version or --alias, not both", ctx)
    if file is not None:
        # Late: `--help` is immediate.
        from modelyard.cli import file_scoring

        wanted = 1 if top is None else top
        order = file_scoring.Order(
            model, file, result, version, alias, task, wanted, horizon, batch, strict
        )
        return file_scoring.run(client_of(ctx), order, output)
    choice = {"version": version, "alias": alias, "timeout": timeout}
    return _ask(ctx, model, inputs, 3 if top is None else top, horizon, choice, task, output)


def _ask(
    ctx: click.Context,
    model: str,
    inputs: tuple[str, ...],
    top: int,
    horizon: int,
    choice: Mapping[str, object],
    task: str | None,
    output: str,
) -> int:
    from modelyard.cli import asking  # late: as above

    client = client_of(ctx)
    known = None if task else client.models.get(model)
    serving = known.serving if known else {}
    question = asking.Question(model, inputs, top, horizon, serving, choice)
    began = time.perf_counter()
    answer = asking.ask(client, task or asking.task_of(known), question)  # type: ignore[arg-type]  # one of the two is there
    seconds = time.perf_counter() - began
    if output == "name":
        print_all([{"name": name} for name in asking.names(answer)], output, (), ())
    else:
        print_one(asdict(answer), output, lambda: asking.show(answer, inputs), name=model)
    if output == "table":
        asking.tell_timing(answer, seconds)
    return exits.OK
