"""The process that makes one attempt, as its worker holds it: a command, a pipe each way, and a way to end it."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard import logs
from modelyard.training.attempt import Attempt, Event
from modelyard.training.devices import Device

log = logs.get(__name__)


class TrainerProcess:
    """Started in the thread that lives as long as the attempt: the trainer dies with that thread."""

    def __init__(self, attempt: Attempt, device: Device) -> None:
        file = attempt.work / f"attempt-{attempt.fence}.json"
        file.write_text(attempt.model_dump_json(indent=2))
        with open(file.with_suffix(".log"), "ab") as trainer_log:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, no user input in the command
                [sys.executable, "-m", "modelyard.training.trainer", str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=trainer_log,
                env=_environment(device),
                start_new_session=True,
            )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._rest = b""
        self.talking = True
        """False once its standard output is closed: it has said all it will."""

    def listen(self, seconds: float) -> list[Event]:
        """What it said, waiting for it no longer than this."""
        if not self._selector.select(seconds):
            return []
        assert self._process.stdout is not None
        data = os.read(self._process.stdout.fileno(), 1 << 16)
        self.talking = bool(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [event for line in lines if (event := _event(line)) is not None]

    def answer(self, answer: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(answer).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended; its exit code tells how

    def terminate(self) -> None:
        """Asks for a last checkpoint."""
        self._process.terminate()

    def kill(self) -> None:
        """Ends it and what it started, such as the process that verifies."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self, grace_seconds: float) -> int:
        """Its exit code, negative for a signal; it is gone when this returns."""
        try:
            return self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()
        finally:
            self._selector.close()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
        if isinstance(event, dict) and event.keys() & {"event", "ask"}:
            return event
    except ValueError:
        pass
    log.warning("not a line of the protocol", line=line[:200].decode(errors="replace"))
    return None


def _environment(device: Device) -> dict[str, str]:
    """Least privilege: the trainer learns no address and no secret of the store."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MODELYARD_") or name == "MODELYARD_FAULT"
    }
    return inherited | {"CUDA_VISIBLE_DEVICES": device.visible}


def log_files(work: Path, job: str) -> list[Path]:
    """The logs of a job's attempts, oldest first."""
    return sorted((work / job).glob("attempt-*.log"), key=lambda f: int(f.stem.split("-")[1]))
