"""`modelyard explain PATH`: what a field of a request means, at the prompt."""

import json
import textwrap
from typing import Any

import click

from modelyard.cli import exits, request_schema
from modelyard.cli.output import output_option, print_one
from modelyard.cli.schema_tree import Field, SchemaTree

_WIDTH = 96


@click.command("explain")
@click.argument("path", default="job")
@click.option("--recursive", is_flag=True, help="Only the names, with all that is below.")
@output_option
@click.pass_context
def command(ctx: click.Context, path: str, recursive: bool, output: str) -> int:
    """Explain a field of a request, as the service checks it.

    \b
    explain training
    explain network.layers.conv2d
    explain training.optimizer.adam.learning_rate
    """
    tree = SchemaTree(request_schema.of(ctx))
    field = tree.find(path)
    if recursive and output == "table":
        _print_names(tree, field, 0, frozenset())
    else:
        print_one(dict(field.schema), output, lambda: _show(tree, field), name=field.path)
    return exits.OK


def _show(tree: SchemaTree, field: Field) -> None:
    click.echo(f"{click.style(field.path, bold=True)}  <{tree.type_of(field.schema)}>")
    _print_wrapped(field.description, "  ")
    if field.default is not None:
        click.echo(f"  default: {_written(field.default)}")
    if fields := tree.fields(field):
        _heading("FIELDS")
        for each in fields:
            _show_line(tree, each)
    if kinds := tree.kinds(field):
        _heading("KINDS (one of them, by its `type`)")
        width = max(map(len, kinds)) + 2
        for name, kind in kinds.items():
            told = textwrap.shorten(kind.description, _WIDTH - width, placeholder=" …")
            click.echo(f"  {name:<{width}}{told}".rstrip())
        click.echo(f"\n  modelyard explain {field.path.removeprefix('job.')}.{next(iter(kinds))}")


def _show_line(tree: SchemaTree, field: Field) -> None:
    name = field.path.rpartition(".")[2]
    told = "required" if field.required else f"default {_written(field.default)}"
    click.echo(f"  {click.style(name, bold=True)}  <{tree.type_of(field.schema)}>  {told}")
    _print_wrapped(field.description, "      ")


def _print_names(tree: SchemaTree, field: Field, depth: int, above: frozenset[int]) -> None:
    """A schema may hold itself; what is above is not shown again below."""
    if id(field.schema) in above:
        return
    seen = above | {id(field.schema)}
    for each in tree.fields(field):
        click.echo(f"{'  ' * depth}{each.path.rpartition('.')[2]}")
        _print_names(tree, each, depth + 1, seen)
    for name, kind in tree.kinds(field).items():
        click.echo(f"{'  ' * depth}<{name}>")
        _print_names(tree, kind, depth + 1, seen)


def _heading(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


def _print_wrapped(text: str, margin: str) -> None:
    if text:
        click.echo(textwrap.fill(text, _WIDTH, initial_indent=margin, subsequent_indent=margin))


def _written(value: Any) -> str:
    """As it would be written in a request."""
    if isinstance(value, dict) and "type" in value:
        return str(value["type"])
    return json.dumps(value, ensure_ascii=False)
