"""`modelyard status`: which services run, where, and how they are."""

import time
from pathlib import Path
from typing import Any

import click

from modelyard.cli import exits, stack
from modelyard.cli.addresses import addresses_of
from modelyard.cli.embedded import HOST
from modelyard.cli.output import output_option, print_all, program, say
from modelyard.cli.process import is_free
from modelyard.cli.service import answers_ok
from modelyard.cli.stack import RunningService, Stack


@click.command("status")
@click.option("--home", type=click.Path(path_type=Path), help="As given to `up`. [default: var]")
@output_option
@click.pass_context
def command(ctx: click.Context, home: Path | None, output: str) -> int:
    """Show the services of this machine. Exit code 0: all are ready; 1: some are not; 4: none runs."""
    running = stack.running(stack.home_folder(home))
    if running is None:
        return _remote(ctx, output)
    states = [_state(service) for service in running.services]
    _print(states, output)
    if output == "table":
        say(f"\nup since {_clock(running)}, pid {running.pid}, home {running.home}")
    return exits.OK if all(state["ready"] for state in states) else exits.FAILED


def _state(service: RunningService) -> dict[str, Any]:
    return {
        "service": service.name,
        "ready": _is_ready(service),
        "pid": service.pid,
        "address": service.address,
        "metrics": service.metrics,
        "log": service.log,
    }


def _is_ready(service: RunningService) -> bool:
    if service.metrics:
        return answers_ok(service.metrics.removesuffix("/metrics") + "/healthz/ready")
    return not is_free(int(service.address.rpartition(":")[2]), HOST)


def _print(states: list[dict[str, Any]], output: str) -> None:
    columns = ("service", "ready", "address", "metrics", "log")
    rows = [[state[column] for column in columns] for state in states]
    print_all(states, output, [column.upper() for column in columns], rows, key="service")


def _clock(running: Stack) -> str:
    return time.strftime("%H:%M:%S", time.localtime(running.started_at))


def _remote(ctx: click.Context, output: str) -> int:
    address = addresses_of(ctx).url
    url = address.value
    if address.is_default and not answers_ok(f"{url}/healthz/ready"):
        say(f"nothing runs here; start it with `{program()} up`")
        return exits.UNREACHABLE
    ready = answers_ok(f"{url.rstrip('/')}/healthz/ready", timeout=5)
    state = {
        "service": "jobs",
        "ready": ready,
        "address": url,
        "metrics": f"{url}/metrics",
        "log": "",
    }
    _print([state], output)
    return exits.OK if ready else exits.UNREACHABLE
