"""All services together, started by `modelyard up` as a user starts them, and the command line to use them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TINY = """\
name: {name}
task: {{type: image_classification}}
dataset: {{type: npz, source: "builtin://digits"}}
network: {{type: dense, units: [16]}}
training: {{epochs: {epochs}, batch_size: 64}}
publish: {{model: {name}, aliases: [stable]}}
"""


@dataclass(frozen=True)
class Shell:
    """Runs the command line in a folder, as a shell that is not a terminal would."""

    folder: Path

    def __call__(
        self, *arguments: str, stdin: str = "", timeout: float = 100
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment(),
            input=stdin,
            timeout=timeout,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=environment(),
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "modelyard.cli", *arguments]

    def request(self, name: str, epochs: int = 2) -> str:
        file = self.folder / f"{name}.yaml"
        file.write_text(TINY.format(name=name, epochs=epochs))
        return file.name


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """In a folder whose `var` is a running stack. Whatever a test did, nothing is left of it."""
    shell = Shell(tmp_path_factory.mktemp("end_to_end"))
    started = shell("up", "--detach", timeout=180)
    assert started.returncode == 0, started.stderr
    yield shell
    stopped = shell("down", timeout=120)
    assert stopped.returncode == 0, stopped.stderr
    assert processes_in(shell.folder) == []


def processes_in(folder: Path) -> list[str]:
    """Processes whose home lies there, found by their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile, or is not ours
        if f"MODELYARD_HOME={folder}".encode() in told:
            found.append(f"{process.name} {command}")
    return found


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
