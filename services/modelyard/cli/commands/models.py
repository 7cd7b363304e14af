"""`modelyard models …`: list and show published models."""

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.output import output_option, print_all, print_json
from modelyard.client import Model


@click.group("models")
def command() -> None:
    """List and show published models."""


@command.command("list")
@output_option
@click.pass_context
def list_models(ctx: click.Context, output: str) -> int:
    """List models by name."""
    models = list(client_of(ctx).models.list())
    columns = ("NAME", "TASK", "LATEST", "VERSIONS", "ALIASES")
    print_all([model.raw for model in models], output, columns, map(_row, models))
    return exits.OK


@command.command("get")
@click.argument("name")
@click.pass_context
def get_model(ctx: click.Context, name: str) -> int:
    """Show one model, its versions and aliases, as JSON."""
    print_json(client_of(ctx).models.get(name).raw)
    return exits.OK


def _row(model: Model) -> tuple[object, ...]:
    aliases = " ".join(f"{alias}={version}" for alias, version in sorted(model.aliases.items()))
    return model.name, model.task, model.latest, len(model.versions), aliases
