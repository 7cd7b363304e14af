"""`modelyard models …`: list and show models, move aliases, delete versions."""

from typing import TYPE_CHECKING, Any

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.completions import complete_models
from modelyard.cli.output import mark, output_option, print_all, print_facts, print_one, say

if TYPE_CHECKING:
    from modelyard.client import Model, Version

_model_argument = click.argument("name", metavar="MODEL", shell_complete=complete_models)


@click.group("models")
def command() -> None:
    """List and show models, move aliases, delete versions."""


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
@_model_argument
@click.option("--version", type=click.IntRange(1), help="Show this version: where it came from.")
@output_option
@click.pass_context
def get_model(ctx: click.Context, name: str, version: int | None, output: str) -> int:
    """Show one model, its versions and aliases; or one version."""
    models = client_of(ctx).models
    if version is None:
        model = models.get(name)
        print_one(model.raw, output, lambda: _show(model), name=name)
    else:
        one = models.version(name, version)
        print_one(one.raw, output, lambda: _show_version(one), name=f"{name}/{version}")
    return exits.OK


@command.command("alias")
@_model_argument
@click.argument("alias")
@click.argument("version", type=click.IntRange(1))
@output_option
@click.pass_context
def set_alias(ctx: click.Context, name: str, alias: str, version: int, output: str) -> int:
    """Let ALIAS name VERSION from now on; `stable` to an older one is a roll-back."""
    aliases = client_of(ctx).models.set_alias(name, alias, version)
    _tell_aliases(name, aliases, output, f"{name}: {alias} is version {version}")
    return exits.OK


@command.command("unalias")
@_model_argument
@click.argument("alias")
@click.pass_context
def remove_alias(ctx: click.Context, name: str, alias: str) -> int:
    """Take an alias away. The version stays."""
    client_of(ctx).models.remove_alias(name, alias)
    say(f"{mark('ok')} {name}: {alias} is no more")
    return exits.OK


@command.command("delete")
@_model_argument
@click.option("--version", type=click.IntRange(1), required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete_version(ctx: click.Context, name: str, version: int, yes: bool) -> int:
    """Delete one version for good. One that an alias names is kept."""
    if not yes:
        click.confirm(f"Delete version {version} of {name} for good?", abort=True, err=True)
    client_of(ctx).models.delete_version(name, version)
    say(f"{mark('ok')} version {version} of {name} is deleted")
    return exits.OK


def _row(model: "Model") -> tuple[object, ...]:
    return model.name, model.task, model.latest, len(model.versions), _pairs(model.aliases)


def _show(model: "Model") -> None:
    print_facts(
        {
            "name": model.name,
            "task": model.task,
            "versions": " ".join(map(str, model.versions)),
            "aliases": _pairs(model.aliases),
        }
    )


def _show_version(version: "Version") -> None:
    manifest = version.manifest or {}
    metrics, lineage = manifest.get("metrics") or {}, manifest.get("lineage") or {}
    print_facts(
        {
            "model": version.model,
            "version": version.version,
            "task": (manifest.get("task") or {}).get("type"),
            "job": lineage.get("job"),
            "created": manifest.get("created_at"),
            "metrics": " ".join(f"{k}={v:.4g}" for k, v in metrics.items()),
            "dataset": lineage.get("dataset"),
        }
    )


def _tell_aliases(name: str, aliases: Any, output: str, line: str) -> None:
    value = {"name": name, "aliases": dict(aliases)}
    print_one(value, output, lambda: say(f"{mark('ok')} {line}"), name=name)


def _pairs(aliases: Any) -> str:
    return " ".join(f"{alias}={version}" for alias, version in sorted(aliases.items()))
