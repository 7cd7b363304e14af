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


def gpus() -> tuple[str, ...]:
    """The indexes of the NVIDIA GPUs that this process may use; empty without a driver."""
    if not NVIDIA_DRIVER.is_dir():
        return ()
    query = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603  # a fixed command
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in listed.stdout.splitlines() if line.strip())
