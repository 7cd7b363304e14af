"""`modelyard datasets …`: send, look into and delete datasets."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.completions import complete_datasets
from modelyard.cli.output import (
    mark,
    output_option,
    print_all,
    print_facts,
    print_one,
    print_table,
    say,
)

if TYPE_CHECKING:
    from modelyard.client import Column, Dataset, Schema

_MOST_CLASSES = 6

_dataset_argument = click.argument("dataset", shell_complete=complete_datasets)
_type_option = click.option(
    "--type",
    metavar="TYPE",
    help="How to read it, as in a request: csv, jsonl, npz, image_folder …",
)
_delimiter_option = click.option("--delimiter", help="Of a csv: comma, semicolon, tab …")


@click.group("datasets")
def command() -> None:
    """Send, look into and delete datasets.

    DATASET is a digest, dataset://DIGEST or builtin://NAME.
    """


@command.command("list")
@output_option
@click.pass_context
def list_datasets(ctx: click.Context, output: str) -> int:
    """List what was sent, by digest."""
    datasets = list(client_of(ctx).datasets.list())
    rows = [(each.digest, each.name, _bytes(each.bytes)) for each in datasets]
    values = [each.raw for each in datasets]
    print_all(values, output, ("DIGEST", "NAME", "SIZE"), rows, key="digest")
    return exits.OK


@command.command("get")
@_dataset_argument
@output_option
@click.pass_context
def get_dataset(ctx: click.Context, dataset: str, output: str) -> int:
    """Show one dataset, and which jobs and models were made from it."""
    found = client_of(ctx).datasets.get(dataset)
    print_one(found.raw, output, lambda: _show(found), name=found.digest)
    return exits.OK


@command.command("add")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@output_option
@click.pass_context
def add_dataset(ctx: click.Context, file: Path, quiet: bool, output: str) -> int:
    """Send a FILE. The same bytes are stored once; a large file goes on where a connection broke."""
    # Late: `--help` is immediate.
    from modelyard.cli.progress import Progress

    with Progress(f"sending {file.name}", unit="bytes", quiet=quiet) as progress:
        sent = client_of(ctx).datasets.upload(file, progress=progress.reach)
    value = {"digest": sent.digest, "uri": sent.uri, "bytes": sent.bytes}
    print_one(value, output, lambda: click.echo(sent.uri), name=sent.uri)
    return exits.OK


@command.command("schema")
@_dataset_argument
@_type_option
@_delimiter_option
@output_option
@click.pass_context
def dataset_schema(
    ctx: click.Context, dataset: str, type: str | None, delimiter: str | None, output: str
) -> int:
    """Show the columns of a dataset: kind, missing values, classes and their counts, range."""
    schema = client_of(ctx).datasets.schema(dataset, type=type, delimiter=delimiter)
    if output in ("jsonl", "name"):
        print_all(schema.raw["columns"], output, (), ())
    else:
        print_one(schema.raw, output, lambda: _show_schema(schema), name=dataset)
    return exits.OK


@command.command("preview")
@_dataset_argument
@click.option("--rows", type=click.IntRange(1), default=10, show_default=True)
@_type_option
@_delimiter_option
@output_option
@click.pass_context
def preview_dataset(
    ctx: click.Context,
    dataset: str,
    rows: int,
    type: str | None,
    delimiter: str | None,
    output: str,
) -> int:
    """Show the first rows of a dataset."""
    found = client_of(ctx).datasets.preview(dataset, rows=rows, type=type, delimiter=delimiter)
    columns = list(found[0]) if found else []
    cells = [[_cell(row.get(column)) for column in columns] for row in found]
    if output == "name":
        print_all([{"name": column} for column in columns], output, (), ())
    else:
        print_all(found, output, columns, cells)
    return exits.OK


@command.command("delete")
@_dataset_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete_dataset(ctx: click.Context, dataset: str, yes: bool) -> int:
    """Delete a dataset. One that an open job or a model needs is kept."""
    if not yes:
        click.confirm(f"Delete {dataset} for good?", abort=True, err=True)
    client_of(ctx).datasets.delete(dataset)
    say(f"{mark('ok')} {dataset} is deleted")
    return exits.OK


def _show(dataset: "Dataset") -> None:
    used: Mapping[str, Any] = dataset.raw.get("used_by") or {}
    print_facts(
        {
            "digest": dataset.digest,
            "uri": dataset.uri,
            "name": dataset.name,
            "size": _bytes(dataset.bytes),
            "jobs": " ".join(map(str, used.get("jobs") or ())),
            "models": " ".join(map(str, used.get("models") or ())),
        }
    )


def _show_schema(schema: "Schema") -> None:
    print_facts({"rows": schema.rows})
    columns = ("COLUMN", "KIND", "SHAPE", "MISSING", "DISTINCT", "RANGE", "CLASSES")
    print_table(columns, map(_column, schema.columns))


def _column(column: "Column") -> tuple[object, ...]:
    shape = "×".join(map(str, column.shape))
    span = "" if column.min is None else f"{column.min:.4g} … {column.max:.4g}"
    classes = _balance(column.classes or {}) if column.min is None else ""
    return column.name, column.kind, shape, column.missing, column.distinct, span, classes


def _balance(classes: Mapping[str, int]) -> str:
    """The largest classes and their share."""
    total = sum(classes.values()) or 1
    largest = sorted(classes.items(), key=lambda item: -item[1])
    shown = [f"{name} {count / total:.0%}" for name, count in largest[:_MOST_CLASSES]]
    return ", ".join(shown) + (", …" if len(largest) > _MOST_CLASSES else "")


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return " ".join(f"{name} {part}" for name, part in value.items())
    return value


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
