"""Which processor a worker's trainers use, found without loading TensorFlow."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from modelyard.errors import InvalidRequest

NVIDIA_DRIVER = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Device:
    kind: str
    """`cpu` or `gpu`."""
    visible: str
    """The value of CUDA_VISIBLE_DEVICES; -1 hides every GPU."""

    def __str__(self) -> str:
        return f"gpu {self.visible}" if self.kind == "gpu" else "cpu"


CPU = Device("cpu", "-1")


def choose(wanted: str, *, gpus: tuple[str, ...]) -> Device:
    """`auto` takes the first GPU if there is one, `cpu` none, anything else names one by index or UUID."""
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        return CPU
    if wanted == "auto":
        return Device("gpu", gpus[0])
    if wanted not in gpus:
        raise InvalidRequest.of(
            "MODELYARD_DEVICE",
            "there is no such GPU here",
            expected=f"auto, cpu or one of {', '.join(gpus) or 'no GPU'}",
            received=repr(wanted),
        )
    return Device("gpu", wanted)


@dataclass(frozen=True)
class Usage:
    """What a GPU is doing at the moment, all of its processes together."""

    memory_bytes: int
    busy_ratio: float


def gpus() -> tuple[str, ...]:
    """The indexes of the NVIDIA GPUs of this machine; empty without a driver."""
    return tuple(line[0] for line in _query("index"))


def usage(device: Device) -> Usage | None:
    """None for a CPU, and where the driver does not say."""
    if device.kind != "gpu":
        return None
    for index, memory, busy in _query("index,memory.used,utilization.gpu"):
        if index == device.visible and memory.isdecimal() and busy.isdecimal():
            return Usage(int(memory) * 1024 * 1024, int(busy) / 100)
    return None


def _query(fields: str) -> list[list[str]]:
    """A row of values per GPU, in the units that nvidia-smi documents: MiB and percent."""
    if not NVIDIA_DRIVER.is_dir():
        return []
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603  # a fixed command
    except (OSError, subprocess.SubprocessError):
        return []
    return [[value.strip() for value in line.split(",")] for line in answer.stdout.splitlines()]
