"""Every command says what it does, at once and in plain text."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from modelyard.cli.app import root


def paths(command: click.Command, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield above
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from paths(below, (*above, name))


@pytest.mark.parametrize("path", list(paths(root)), ids=" ".join)
def test_help_is_there(path: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelyard.cli", *path, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    usage = " ".join(("Usage: modelyard", *path))
    assert done.stdout.startswith(usage)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["jbos", "list"], "jobs"), (["predit", "digits"], "predict"), (["doctr"], "doctor")],
)
def test_a_slip_of_the_finger_is_understood(arguments: list[str], meant: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelyard.cli", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"Did you mean '{meant}'?" in done.stderr
