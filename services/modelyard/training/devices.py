"""Which processor a worker's trainers use."""

from dataclasses import dataclass

from modelyard.errors import InvalidRequest


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
    """`auto` takes the first GPU if there is one, `cpu` none, anything else names one by its index."""
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
