"""`modelyard down`: ends what `up` started, in its order."""

import os
import signal
import time
from pathlib import Path

import click

from modelyard.cli import exits, stack
from modelyard.cli.output import mark, say
from modelyard.errors import DeadlineExceeded


@click.command("down")
@click.option("--home", type=click.Path(path_type=Path), help="As given to `up`. [default: var]")
@click.option("--timeout", type=float, default=120.0, show_default=True, help="Seconds to wait.")
def command(home: Path | None, timeout: float) -> int:
    """Stop what `up` started. A running training writes a checkpoint and goes on at the next `up`."""
    folder = stack.home_folder(home)
    running = stack.running(folder)
    if running is None:
        say(f"nothing runs from {folder}")
        return exits.OK
    os.kill(running.pid, signal.SIGTERM)
    _await_end(folder, timeout)
    say(f"{mark('ok')} stopped")
    return exits.OK


def _await_end(home: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while stack.running(home) is not None:
        if time.monotonic() > deadline:
            raise DeadlineExceeded(f"it still stops after {timeout:g} s; its log is {home}/logs")
        time.sleep(0.1)
