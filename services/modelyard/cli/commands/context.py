"""`modelyard context …`: names for the systems that one works with."""

import click

from modelyard.cli import contexts, exits, invocation
from modelyard.cli.completions import complete_contexts
from modelyard.cli.contexts import Context
from modelyard.cli.output import mark, output_option, print_all, print_facts, print_one, say


@click.group("context")
def command() -> None:
    """Name systems, and choose which one commands talk to."""


@command.command("list")
@output_option
def list_contexts(output: str) -> int:
    """List contexts; the current one is marked."""
    known = contexts.read()
    values = [_value(known, name) for name in known.known]
    rows = [("*" if v["current"] else " ", v["name"], v["url"], v["grpc"]) for v in values]
    print_all(values, output, (" ", "NAME", "URL", "GRPC"), rows)
    return exits.OK


@command.command("show")
@click.argument("name", required=False, shell_complete=complete_contexts)
@output_option
@click.pass_context
def show_context(ctx: click.Context, name: str | None, output: str) -> int:
    """Show a context, by default the one that is in use."""
    known = contexts.read()
    wanted = name or invocation.of(ctx).context or known.current
    if wanted is None:
        say("no context is in use; `modelyard config view --explain` tells where commands go")
        return exits.NOT_FOUND
    value = _value(known, wanted)
    print_one(value, output, lambda: print_facts(value), name=wanted)
    return exits.OK


@command.command("add")
@click.argument("name")
@click.option("--url", required=True, metavar="URL", help="The jobs API.")
@click.option("--grpc", metavar="ADDRESS", help="Inference. [default: the URL's host, port 50051]")
@click.option("--use", is_flag=True, help="Use it from now on.")
def add_context(name: str, url: str, grpc: str | None, use: bool) -> int:
    """Name a system; a name that exists gets the new addresses."""
    known = contexts.read().with_context(name, Context.at(url, grpc))
    contexts.write(known.using(name) if use else known)
    say(f"{mark('ok')} context {name} is kept in {known.file}")
    if not use:
        say(f"  modelyard context use {name}")
    return exits.OK


@command.command("use")
@click.argument("name", shell_complete=complete_contexts)
def use_context(name: str) -> int:
    """Talk to this system from now on; `-` is none."""
    known = contexts.read()
    if name == "-":
        contexts.write(contexts.Contexts(known.file, known.known))
        say(f"{mark('ok')} no context is in use")
        return exits.OK
    contexts.write(known.using(name))
    say(f"{mark('ok')} commands go to {known.known[name].url} now")
    return exits.OK


@command.command("delete")
@click.argument("name", shell_complete=complete_contexts)
def delete_context(name: str) -> int:
    """Forget a context. The system itself is left alone."""
    contexts.write(contexts.read().without(name))
    say(f"{mark('ok')} context {name} is forgotten")
    return exits.OK


def _value(known: contexts.Contexts, name: str) -> dict[str, object]:
    context = known.get(name)
    is_current = known.current == name
    return {"name": name, "url": context.url, "grpc": context.grpc, "current": is_current}
