"""One service as a child process: started, asked whether it is ready, stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.cli.process import dies_with_parent


@dataclass(frozen=True)
class ServiceSpec:
    """How to start a service. What it is told goes through the environment, where `ps` does not show it."""

    name: str
    module: str
    environment: Mapping[str, str]
    address: str
    """For people: where it answers, or what it works on."""
    health: str
    """The address of its /healthz pages and /metrics."""
    log: Path
    grace_seconds: float
    """How long it may take to end after SIGTERM."""


@dataclass
class Service:
    """A running service. Start it from the main thread, for the kernel ends it with the thread that started it."""

    spec: ServiceSpec
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, spec: ServiceSpec) -> "Service":
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        with spec.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the arguments are ours
                [sys.executable, "-m", spec.module],
                env={**os.environ, **spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal is for the supervisor to act on
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )
        return cls(spec, process)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started_at

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def is_ready(self) -> bool:
        return answers_ok(f"{self.spec.health}/healthz/ready")

    def terminate(self) -> None:
        if self.exit_code() is None:
            self.process.terminate()

    def join(self) -> bool:
        """Waits for its end, kills it when its grace is over, and says whether it ended by itself."""
        try:
            self.process.wait(self.spec.grace_seconds)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            self._sweep()

    def kill(self) -> None:
        self._sweep()

    def _sweep(self) -> None:
        """Ends whatever is left of it, the processes that it started and left behind included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def answers_ok(url: str, timeout: float = 1.0) -> bool:
    try:
        with _opener.open(url, timeout=timeout) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


# Without the environment's proxies, which are for the outside world.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log; it may be large."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
