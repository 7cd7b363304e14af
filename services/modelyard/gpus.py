"""The NVIDIA GPUs of this machine, as its driver tells: found without TensorFlow, which would take them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NVIDIA_DRIVER = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Usage:
    """What a GPU is doing at the moment, all of its processes together."""

    memory_bytes: int
    busy_ratio: float


def indexes() -> tuple[str, ...]:
    """Empty without a driver."""
    return tuple(line[0] for line in _query("index"))


def usage(index: str) -> Usage | None:
    """None where the driver does not say."""
    for found, memory, busy in _query("index,memory.used,utilization.gpu"):
        if found == index and memory.isdecimal() and busy.isdecimal():
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
