"""`modelyard up`: the whole system on this machine, in the foreground or detached."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click

from modelyard.cli import exits, stack
from modelyard.cli.output import mark, program, say
from modelyard.cli.plan import Wishes, plan
from modelyard.cli.service import tail
from modelyard.cli.stack import Stack
from modelyard.cli.supervisor import Supervisor
from modelyard.errors import FailedPrecondition

_DETACHED_SECONDS = 240.0


@click.command("up")
@click.option(
    "--home", type=click.Path(path_type=Path), help="Where everything lies. [default: var]"
)
@click.option("--workers", type=click.IntRange(1, 64), help="[default: one for each GPU, or one]")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=7070, help="Of the jobs API. [default: 7070]"
)
@click.option("--grpc-port", type=click.IntRange(1, 65535), default=50051, help="[default: 50051]")
@click.option("--device", default="auto", help="auto, cpu, or the index of a GPU. [default: auto]")
@click.option("--detach", "-d", is_flag=True, help="Leave it running in the background.")
def command(
    home: Path | None, workers: int | None, port: int, grpc_port: int, device: str, detach: bool
) -> int:
    """Start all services on this machine: a queue, the jobs API, training workers and inference.

    Ctrl-C ends them all; a running training writes a checkpoint first.
    """
    wishes = Wishes(stack.home_folder(home), workers, port, grpc_port, device)
    running = stack.running(wishes.home)
    if running is not None:
        say(f"{mark('ok')} already running, pid {running.pid}")
        tell_where(running)
        return exits.OK
    return _start_detached(wishes) if detach else run(wishes)


def run(wishes: Wishes) -> int:
    """Starts, watches, and ends everything when asked to."""
    with stack.claimed(wishes.home), _stop_signals() as asked:
        decided = plan(wishes)
        for note in decided.notes:
            say(f"{mark('warn')} {note}")
        supervisor = Supervisor(decided, _tell, lambda: asked.stop)
        try:
            started = supervisor.start()
            if not asked.stop:
                _greet(started)
            supervisor.watch()
        finally:
            _end(supervisor)
    return exits.OK


def tell_where(running: Stack) -> None:
    """Where everything is and what to type next."""
    say("")
    say(f"  jobs API    {running.url}    every call, to try out: {running.url}/docs")
    say(f"  inference   {running.grpc}          gRPC with reflection, TensorFlow Serving's API too")
    for service in running.services:
        if service.metrics:
            say(f"  metrics     {service.metrics:<32}  {service.name}")
    say(f"  home        {running.home}    models, datasets, logs")
    say("")
    say("Next, in a second terminal:")
    say(f"  {program()} train examples/digits.yaml")
    say(f"  {program()} status")
    say(f"  {program()} down")


def _greet(started: Stack) -> None:
    say(f"\nReady in {time.time() - started.started_at:.1f} s.")
    tell_where(started)
    say("\nStop with Ctrl-C.")


def _tell(kind: str, line: str) -> None:
    say(f"{mark(kind)} {line}")


def _end(supervisor: Supervisor) -> None:
    say("stopping; a running training writes a checkpoint first (Ctrl-C again: at once)")
    try:
        supervisor.stop()
    except KeyboardInterrupt:
        supervisor.stop(at_once=True)
    say(f"{mark('ok')} stopped, nothing is left running")


@dataclass
class _Asked:
    stop: bool = False


@contextmanager
def _stop_signals() -> Iterator[_Asked]:
    """The first signal asks for an orderly end, the second for one at once."""
    asked = _Asked()

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.stop:
            raise KeyboardInterrupt
        asked.stop = True

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, handle) for number in signals]
    try:
        yield asked
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _start_detached(wishes: Wishes) -> int:
    log = wishes.home / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        supervisor = subprocess.Popen(  # noqa: S603 - the arguments are ours
            [sys.executable, "-m", "modelyard.cli", *_as_arguments(wishes)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    running = _await(supervisor, wishes.home, log)
    say(f"{mark('ok')} running in the background, pid {running.pid}, log {log}")
    tell_where(running)
    return exits.OK


def _as_arguments(wishes: Wishes) -> list[str]:
    options: dict[str, object] = {
        "--home": wishes.home,
        "--workers": wishes.workers,
        "--port": wishes.port,
        "--grpc-port": wishes.grpc_port,
        "--device": wishes.device,
    }
    given = ((name, value) for name, value in options.items() if value is not None)
    return ["up", *(str(part) for option in given for part in option)]


def _await(supervisor: subprocess.Popen[bytes], home: Path, log: Path) -> Stack:
    deadline = time.monotonic() + _DETACHED_SECONDS
    while time.monotonic() < deadline:
        if supervisor.poll() is not None:
            raise FailedPrecondition(f"it did not start:\n{tail(log)}", reason="DID_NOT_START")
        running = stack.running(home)
        if running is not None and running.ready:
            return running
        time.sleep(0.1)
    supervisor.terminate()
    raise FailedPrecondition(f"not ready after {_DETACHED_SECONDS:g} s; see {log}")
