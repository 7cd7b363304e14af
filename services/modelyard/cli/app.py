"""The root of the command line. Commands are imported when they are called, so that `--help` is immediate."""

import importlib
import os
import sys
from typing import Any, NoReturn

import click

from modelyard import __version__
from modelyard.cli import exits

_COMMANDS = {
    "up": "Start all services on this machine.",
    "down": "Stop what `up` started.",
    "status": "Show which services run, where, and how they are.",
    "train": "Train and publish a model from a request file, and watch it.",
    "predict": "Ask a model.",
    "jobs": "List, show, watch, wait for and cancel jobs.",
    "models": "List and show published models.",
    "schema": "Print the JSON Schema of a request.",
    "demo": "Train three models on real data and ask each, start to end.",
}


class LazyGroup(click.Group):
    """Knows the name and one line of each command; the rest is imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"modelyard.cli.commands.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", metavar="URL", help="The jobs API. Else MODELYARD_URL, else what `up` runs.")
@click.option(
    "--grpc", metavar="ADDRESS", help="The inference service. Else MODELYARD_GRPC, as above."
)
@click.option("--debug", is_flag=True, help="Show the trace of an error.")
@click.version_option(__version__, prog_name="modelyard")
@click.pass_context
def root(ctx: click.Context, url: str | None, grpc: str | None, debug: bool) -> None:
    """From a training request to a served model.

    Exit codes: 0 ok · 1 failed · 2 invalid · 3 not found · 4 unreachable · 5 not allowed · 6 conflict ·
    7 wait timed out · 8 cancelled · 130 Ctrl-C.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    ctx.obj = {"url": url, "grpc": grpc, "debug": debug}


def run(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and exits with a code of `exits`; no error shows a trace unless --debug asks for it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        result: Any = root.main(arguments, prog_name="modelyard", standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
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
        sys.exit(_explained(error))
    sys.exit(result if isinstance(result, int) else exits.OK)


def _explained(error: Exception) -> int:
    # Late: only a command that failed needs to know how to say so.
    from modelyard.cli.problem import explain

    return explain(error)
