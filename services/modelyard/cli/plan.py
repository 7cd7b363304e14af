"""What `up` will start and where, decided before anything is started."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from modelyard import gpus
from modelyard.cli.doctor import processes
from modelyard.cli.process import is_free
from modelyard.cli.service import ServiceSpec
from modelyard.errors import FailedPrecondition

HOST = "127.0.0.1"
_PORTS_TO_TRY = 100


@dataclass(frozen=True)
class Wishes:
    """What was asked for at the prompt."""

    home: Path
    workers: int | None = None
    """None: one for each GPU, or one where there is none."""
    port: int = 7070
    grpc_port: int = 50051
    device: str = "auto"


@dataclass(frozen=True)
class Plan:
    home: Path
    url: str
    grpc: str
    redis_port: int | None
    """None where MODELYARD_REDIS_URL names a server of one's own."""
    services: tuple[ServiceSpec, ...]
    """In the order in which they are started and told of; workers are the first to be stopped."""
    notes: tuple[str, ...]
    """What is not as it was asked for, for people."""


class _Ports:
    """Hands out ports that nobody holds, none of them twice, and remembers what it had to change."""

    def __init__(self, free: Callable[[int], bool], owner: Callable[[int], str]) -> None:
        self._free = free
        self._owner = owner
        self._given: set[int] = set()
        self.notes: list[str] = []

    def take(self, what: str, wanted: int) -> int:
        for port in range(wanted, wanted + _PORTS_TO_TRY):
            if port not in self._given and self._free(port):
                return self._take(what, wanted, port)
        raise FailedPrecondition(
            f"no free port for {what} in {wanted} … {wanted + _PORTS_TO_TRY - 1}",
            reason="PORT_TAKEN",
        )

    def _take(self, what: str, wanted: int, port: int) -> int:
        if port != wanted and wanted not in self._given:
            self.notes.append(
                f"port {wanted} is taken, {what} uses {port}; it is held by {self._owner(wanted)}"
            )
        self._given.add(port)
        return port


def plan(
    wishes: Wishes,
    *,
    free: Callable[[int], bool] = is_free,
    owner: Callable[[int], str] = processes.owner,
    there: Callable[[], tuple[str, ...]] = gpus.indexes,
) -> Plan:
    """Raises FailedPrecondition where no port is to be had.

    `owner` names who holds one, `there` the GPUs of this machine.
    """
    ports = _Ports(free, owner)
    own_redis = os.environ.get("MODELYARD_REDIS_URL")
    redis_port = None if own_redis else ports.take("the queue", 16379)
    shared = {"MODELYARD_HOME": str(wishes.home), "PYTHONUNBUFFERED": "1"}
    if redis_port is not None:
        shared["MODELYARD_REDIS_URL"] = f"redis://{HOST}:{redis_port}/0"
    api_port = ports.take("the jobs API", wishes.port)
    shared["MODELYARD_HELP_URL"] = f"http://{HOST}:{api_port}/errors"
    grpc_port = ports.take("inference", wishes.grpc_port)
    metrics_port = ports.take("the metrics of inference", 9102)
    logs = wishes.home / "logs"
    return Plan(
        home=wishes.home,
        url=f"http://{HOST}:{api_port}",
        grpc=f"{HOST}:{grpc_port}",
        redis_port=redis_port,
        services=(
            _jobs(shared, api_port, logs),
            _inference(shared, grpc_port, metrics_port, logs),
            *_workers(shared, _devices(wishes, there()), ports, logs),
        ),
        notes=tuple(ports.notes),
    )


def _jobs(shared: dict[str, str], port: int, logs: Path) -> ServiceSpec:
    return ServiceSpec(
        name="jobs",
        module="modelyard.jobs",
        environment=shared | {"MODELYARD_HOST": HOST, "MODELYARD_PORT": str(port)},
        address=f"http://{HOST}:{port}",
        health=f"http://{HOST}:{port}",
        log=logs / "jobs.log",
        grace_seconds=15,
    )


def _inference(shared: dict[str, str], port: int, metrics_port: int, logs: Path) -> ServiceSpec:
    ports = {
        "MODELYARD_GRPC_HOST": HOST,
        "MODELYARD_GRPC_PORT": str(port),
        "MODELYARD_INFERENCE_METRICS_PORT": str(metrics_port),
    }
    return ServiceSpec(
        name="inference",
        module="modelyard.inference",
        environment=shared | ports,
        address=f"{HOST}:{port}",
        health=f"http://{HOST}:{metrics_port}",
        log=logs / "inference.log",
        grace_seconds=30,
    )


def _devices(wishes: Wishes, there: tuple[str, ...]) -> list[str]:
    """What each worker computes on: a GPU of its own while there are any, and the CPU after that."""
    if wishes.device != "auto" or not there:
        return [wishes.device] * (wishes.workers or 1)
    workers = wishes.workers or len(there)
    return [*there[:workers], *["cpu"] * (workers - len(there))]


def _workers(
    shared: dict[str, str], devices: Iterable[str], ports: _Ports, logs: Path
) -> Iterable[ServiceSpec]:
    for number, device in enumerate(devices):
        name = f"worker-{number}"
        metrics_port = ports.take(f"the metrics of {name}", 9101 if number == 0 else 9102 + number)
        told = {
            "MODELYARD_WORKER_NAME": name,
            "MODELYARD_WORKER_METRICS_PORT": str(metrics_port),
            "MODELYARD_DEVICE": device,
        }
        yield ServiceSpec(
            name=name,
            module="modelyard.training",
            environment=shared | told,
            address="one job at a time, queue train",
            health=f"http://{HOST}:{metrics_port}",
            log=logs / f"{name}.log",
            grace_seconds=45,
        )
