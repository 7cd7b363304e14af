"""A job: a request to train, and the record of what became of it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from modelyard.model_store import NAME
from modelyard.spec import Spec

Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]


class Resources(Spec):
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """auto: a GPU if the worker has one, else the CPU."""
    max_seconds: PositiveInt = 86_400
    """A job that runs longer ends EXPIRED."""


class Publish(Spec):
    model: Name
    aliases: tuple[Name, ...] = ()
    """Names that move to the new version, such as `stable`."""


class JobState(StrEnum):
    """Forward only, but for a lost, preempted or failed attempt, which goes back to the queue."""

    QUEUED = "QUEUED"
    """Accepted and durable; waits for a worker."""
    STARTING = "STARTING"
    """Claimed by a worker, whose trainer process starts."""
    VALIDATING = "VALIDATING"
    """The trainer reads and checks the data and builds the network."""
    RUNNING = "RUNNING"
    """The network is being fitted."""
    PUBLISHING = "PUBLISHING"
    """Exported, verified in a fresh process, and about to become visible."""
    CANCELLING = "CANCELLING"
    """The trainer was told to stop, and writes its last checkpoint."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    """It ran longer than its request allowed."""

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL

    @property
    def active(self) -> bool:
        """A worker holds it."""
        return self in _ACTIVE


_TERMINAL = {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED}
_ACTIVE = {
    JobState.STARTING,
    JobState.VALIDATING,
    JobState.RUNNING,
    JobState.PUBLISHING,
    JobState.CANCELLING,
}


class Reason(StrEnum):
    """Why a job is in its state; a closed list."""

    NONE = ""
    BAD_SPEC = "BAD_SPEC"
    BAD_DATA = "BAD_DATA"
    NAN_LOSS = "NAN_LOSS"
    OOM_GPU = "OOM_GPU"
    OOM_HOST = "OOM_HOST"
    DISK_FULL = "DISK_FULL"
    WORKER_LOST = "WORKER_LOST"
    PREEMPTED = "PREEMPTED"
    STALLED = "STALLED"
    """The trainer lived but made no progress."""
    DEADLINE = "DEADLINE"
    POISON = "POISON"
    """Every attempt was lost without progress."""
    UNVERIFIED = "UNVERIFIED"
    """The exported model did not answer what training computed."""
    USER = "USER"
    INTERNAL = "INTERNAL"


class Exit:
    """Exit codes of a trainer process: sysexits.h where it has a word, as Kubernetes' podFailurePolicy reads them."""

    OK = 0
    BAD_DATA = 65
    NAN_LOSS = 70
    INTERNAL = 71
    UNVERIFIED = 72
    OOM_GPU = 73
    DISK_FULL = 74
    AGAIN = 75
    """A checkpoint was written; try again from there."""
    BAD_SPEC = 78
