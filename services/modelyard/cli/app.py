"""The root of the command line. Commands are imported when they are called, so that `--help` is immediate."""

import importlib
import os
import sys
from typing import Any, NoReturn

import click

from modelyard import __version__
from modelyard.cli import exits
from modelyard.cli.invocation import Invocation

_COMMANDS = {
    "up": "Start all services on this machine.",
    "down": "Stop what `up` started.",
    "status": "Show which services run, where, and how they are.",
    "train": "Train and publish a model from a request file, and watch it.",
    "predict": "Ask a model, or score a whole file.",
    "jobs": "List, show, watch, repeat and cancel jobs.",
    "logs": "Show what the trainer of a job wrote.",
    "models": "List and show models, move aliases, delete versions.",
    "datasets": "Send, look into and delete datasets.",
    "workers": "List who trains.",
    "validate": "Check a request file without submitting it.",
    "explain": "Explain a field of a request.",
    "schema": "Print the JSON Schema of a request.",
    "templates": "List and print example requests.",
    "call": "Call any gRPC method by its name.",
    "context": "Name systems, and choose which one commands talk to.",
    "config": "Show the settings of the command line.",
    "completion": "Print the script that completes at the prompt.",
    "doctor": "Find out what is wrong on this machine.",
    "demo": "Train three models on real data and ask each, start to end.",
}
_SINGULAR = {"job": "jobs", "model": "models", "dataset": "datasets", "worker": "workers"}


class LazyGroup(click.Group):
    """Knows the name and one line of each command; the rest is imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        name = _SINGULAR.get(name, name)
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"modelyard.cli.commands.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in {*_COMMANDS, *_SINGULAR} and not ctx.resilient_parsing:
            self._refuse(ctx, args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        # Late: only for Tab. Click's own way would import every command for its help.
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=told)
            for name, told in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def _refuse(self, ctx: click.Context, name: str) -> NoReturn:
        # Late: only for a name that is wrong.
        from difflib import get_close_matches

        close = get_close_matches(name, _COMMANDS, n=1, cutoff=0.6)
        meant = f" Did you mean {close[0]!r}?" if close else ""
        raise click.UsageError(f"No such command {name!r}.{meant}", ctx)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", metavar="URL", help="The jobs API.")
@click.option("--grpc", metavar="ADDRESS", help="The inference service.")
@click.option("--context", metavar="NAME", help="The system of this name; see `context`.")
@click.option("--debug", is_flag=True, help="Show the trace of an error.")
@click.version_option(__version__, prog_name="modelyard")
@click.pass_context
def root(
    ctx: click.Context, url: str | None, grpc: str | None, context: str | None, debug: bool
) -> None:
    """From a training request to a served model.

    Where commands go: what is said here, then MODELYARD_URL and MODELYARD_GRPC, then the context in use,
    then what `up` runs here, then this machine's usual ports. `config view --explain` tells.

    Exit codes: 0 ok · 1 failed · 2 invalid · 3 not found · 4 unreachable · 5 not allowed · 6 conflict ·
    7 wait timed out · 8 cancelled · 130 Ctrl-C.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    said = ctx.ensure_object(Invocation)
    said.url, said.grpc, said.context = url, grpc, context


def run(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and exits with a code of `exits`; no error shows a trace unless --debug asks for it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    said, stdout = Invocation(), sys.stdout
    try:
        result: Any = root.main(arguments, prog_name="modelyard", standalone_mode=False, obj=said)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except SystemExit as error:
        # Where a reader such as `head` has had enough, Click puts another stdout in place and ends with 1.
        sys.exit(error.code if sys.stdout is stdout else exits.OK)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(exits.INTERRUPTED)
    except BrokenPipeError:  # `modelyard jobs list | head`
        sys.stderr.close()
        sys.exit(exits.OK)
    except Exception as error:
        if "--debug" in arguments:
            raise
        sys.exit(_explained(error, said))
    sys.exit(result if isinstance(result, int) else exits.OK)


def _explained(error: Exception, said: Invocation) -> int:
    # Late: only a command that failed needs to know how to say so.
    from modelyard.cli.problem import explain

    return explain(error, said)
