"""What `up` runs on this machine: the state file by which other commands find it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from modelyard.errors import AlreadyExists

DEFAULT_HOME = Path("var")


@dataclass(frozen=True)
class RunningService:
    name: str
    pid: int
    address: str
    metrics: str
    """Where its /metrics and /healthz pages are; empty if it has none."""
    log: str
    seconds: float
    """From its start until it was ready."""


@dataclass(frozen=True)
class Stack:
    pid: int
    """The supervisor's."""
    home: str
    url: str
    grpc: str
    started_at: float
    """Seconds since 1970."""
    ready: bool = False
    services: tuple[RunningService, ...] = ()

    def with_service(self, service: RunningService) -> "Stack":
        others = tuple(known for known in self.services if known.name != service.name)
        return replace(self, services=(*others, service))

    def service(self, name: str) -> RunningService:
        return next(service for service in self.services if service.name == name)


def home_folder(home: Path | None = None) -> Path:
    return (home or Path(os.environ.get("MODELYARD_HOME") or DEFAULT_HOME)).absolute()


def running(home: Path) -> Stack | None:
    """The stack that runs from this home now; None if none does, whatever an old file says."""
    file = _state_file(home)
    if not file.is_file() or not _is_locked(home):
        return None
    try:
        data = json.loads(file.read_text())
    except FileNotFoundError:  # it ends right now
        return None
    services = tuple(RunningService(**service) for service in data.pop("services"))
    return Stack(**data, services=services)


def write(stack: Stack) -> None:
    """Also tells Prometheus where to scrape, in the form of its file_sd_configs."""
    folder = Path(stack.home) / "run"
    _replace(folder / "stack.json", asdict(stack))
    _replace(folder / "targets.json", _targets(stack))


def remove(home: Path) -> None:
    _state_file(home).unlink(missing_ok=True)


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """One supervisor per home, for as long as it lives: the lock goes with the process, however that ends.

    Raises AlreadyExists while another holds it.
    """
    lock = _lock_file(home)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        # A few tries, since a command that only looks holds it for a moment.
        if not any(_try_lock(file, fcntl.LOCK_EX) for _ in range(5)):
            raise AlreadyExists(f"{home} is in use by another `modelyard up`")
        remove(home)  # what one that was killed has left
        yield


def _targets(stack: Stack) -> list[dict[str, Any]]:
    return [
        {
            "targets": [service.metrics.removeprefix("http://").removesuffix("/metrics")],
            "labels": {"service": service.name},
        }
        for service in stack.services
        if service.metrics
    ]


def _replace(file: Path, value: Any) -> None:
    staged = file.with_suffix(".new")
    staged.write_text(json.dumps(value, indent=2))
    staged.replace(file)


def _is_locked(home: Path) -> bool:
    with _lock_file(home).open("a") as file:
        return not _try_lock(file, fcntl.LOCK_SH)


def _try_lock(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        time.sleep(0.02)
        return False
    return True


def _state_file(home: Path) -> Path:
    return home / "run" / "stack.json"


def _lock_file(home: Path) -> Path:
    return home / "run" / "lock"
