"""`modelyard config view`: what is in force, and who said so."""

import os
from typing import Any

import click

from modelyard.cli import contexts, exits, invocation, stack
from modelyard.cli.addresses import Addresses, Candidate, addresses_of, candidates
from modelyard.cli.output import output_option, print_all, print_table


@click.group("config")
def command() -> None:
    """Show the settings of the command line."""


@command.command("view")
@click.option(
    "--explain", is_flag=True, help="Show all places that were looked at, in their order."
)
@output_option
@click.pass_context
def view_config(ctx: click.Context, explain: bool, output: str) -> int:
    """Show where commands go, and who said so."""
    addresses = addresses_of(ctx)
    values = _settings(addresses)
    rows = [(value["name"], value["value"], value["source"]) for value in values]
    print_all(values, output, ("SETTING", "VALUE", "SAID BY"), rows)
    if explain and output == "table":
        _explain(list(candidates(invocation.of(ctx))), addresses)
    return exits.OK


def _settings(addresses: Addresses) -> list[dict[str, Any]]:
    home = "MODELYARD_HOME" if os.environ.get("MODELYARD_HOME") else "default"
    config = "MODELYARD_CONFIG" if os.environ.get("MODELYARD_CONFIG") else "default"
    said = (
        ("url", addresses.url.value, addresses.url.source),
        ("grpc", addresses.grpc.value, addresses.grpc.source),
        ("home", str(stack.home_folder()), home),
        ("config", str(contexts.config_file()), config),
    )
    return [{"name": name, "value": value, "source": source} for name, value, source in said]


def _explain(looked_at: list[Candidate], decided: Addresses) -> None:
    click.echo("\nLooked at, the first that says something decides:\n")
    rows = [
        (
            said.source,
            _marked(said.url, wins=said.source == decided.url.source),
            _marked(said.grpc, wins=said.source == decided.grpc.source),
        )
        for said in looked_at
    ]
    print_table(("PLACE", "URL", "GRPC"), rows)


def _marked(value: str | None, *, wins: bool) -> str:
    if not value:
        return ""
    return f"* {value}" if wins else value
