"""What the command line costs before it does anything: CPU seconds of a whole process, best of several.

`make bench-cli` prints a table and writes build/bench/cli.json. `jobs list` asks the stack that runs from
MODELYARD_HOME; where none does, one is started for the measurement.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelyard.cli import stack

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "build" / "bench" / "cli.json"
BEST_OF = 6
COMMANDS = (
    ("--version",),
    ("--help",),
    ("train", "--help"),
    ("jobs", "list"),
)


def main() -> None:
    with running_stack() as environment:
        measured = {" ".join(command): measure(command, environment) for command in COMMANDS}
    show(measured)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), "best_of": BEST_OF} | measured, indent=2))


def measure(command: tuple[str, ...], environment: dict[str, str]) -> dict[str, float]:
    """Seconds; the least of each, since whatever else runs on the machine can only add to it."""
    runs = [once(command, environment) for _ in range(BEST_OF)]
    return {"cpu_seconds": min(cpu for cpu, _ in runs), "seconds": min(wall for _, wall in runs)}


def once(command: tuple[str, ...], environment: dict[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of one process, started as a shell starts it."""
    began = time.monotonic()
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "modelyard"), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"modelyard {' '.join(command)} ended {process.returncode}: {said}")
    return used.ru_utime + used.ru_stime, time.monotonic() - began


@contextmanager
def running_stack() -> Iterator[dict[str, str]]:
    """The environment of commands that find a running stack."""
    if stack.running(stack.home_folder()) is not None:
        yield dict(os.environ)
        return
    home = tempfile.mkdtemp(prefix="modelyard-bench-")
    environment = os.environ | {"MODELYARD_HOME": home}
    command = [sys.executable, "-m", "modelyard.cli"]
    try:
        started = [*command, "up", "--detach"]
        subprocess.run(started, env=environment, check=True, stderr=subprocess.DEVNULL)
        yield environment
    finally:
        subprocess.run([*command, "down"], env=environment, check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(home, ignore_errors=True)


def show(measured: dict[str, dict[str, float]]) -> None:
    sys.stdout.write(f"{'modelyard …':<16}{'CPU s':>8}{'wall s':>8}   best of {BEST_OF}\n")
    for command, cost in measured.items():
        cpu, wall = cost["cpu_seconds"], cost["seconds"]
        sys.stdout.write(f"{command:<16}{cpu:>8.3f}{wall:>8.3f}\n")


def machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpus": os.cpu_count(),
    }


if __name__ == "__main__":
    main()
