"""A job: a request to train, and the record of what became of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PositiveInt, computed_field

from modelyard.datasets import Dataset
from modelyard.model_store import NAME
from modelyard.networks import Network
from modelyard.recipe import Training
from modelyard.spec import Features, Head, Spec
from modelyard.tasks import Task

if TYPE_CHECKING:
    from modelyard.examples import Schema  # NumPy; requests are read without it

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


class JobRequest(Spec):
    """What a user asks for; the schema of `POST /v1/jobs` and of a request file."""

    name: Name | None = None
    """A label of the job. Ids are made by the server."""
    task: Task
    dataset: Dataset
    network: Network
    training: Training = Training()
    resources: Resources = Resources()
    publish: Publish

    def check(self, schema: "Schema") -> "Plan":
        """Fits task, network and training to what is known of the dataset.

        Raises InvalidRequest with the path of the field; sizes that only the data can tell are checked
        again by the trainer, before it trains.
        """
        features, head = self.task.features(schema), self.task.head(schema)
        self.network.check(features, head)
        self.training.check_loss(head)
        return Plan(features, head, schema.rows, self.network.parameters(features, head))


@dataclass(frozen=True)
class Plan:
    """What a request comes to, as far as it can be known before the data is read."""

    features: Features
    head: Head
    rows: int | None
    parameters: int | None


Time = Annotated[
    float,
    PlainSerializer(
        lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds"),
        return_type=str,
        when_used="json-unless-none",
    ),
]
"""Seconds since the epoch by the clock of the store, never of a worker; RFC 3339 in JSON."""


class Job(BaseModel):
    """The record."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: str
    name: str = ""
    parent: str = ""
    """The job that this one repeats or changes."""
    queue: str
    request: dict[str, Any]
    """As it was accepted: the record outlives changes of the schema."""
    digest: str
    """SHA-256 of the request: tells a repeated submit from another one under the same key."""
    state: JobState
    reason: Reason = Reason.NONE
    message: str = ""
    violations: tuple[dict[str, Any], ...] = ()
    model: str
    version: int | None = None
    """Allocated once and kept by every attempt; published when the state is SUCCEEDED."""
    attempt: int = 0
    fence: int = 0
    """Grows with every claim; what an older holder asks for is refused."""
    losses: int = 0
    """Attempts in a row that were lost without progress."""
    worker: str = ""
    epoch: int = 0
    epochs: int = 0
    metrics: dict[str, float] = {}
    """On the held-out test examples."""
    baseline: dict[str, float] = {}
    created_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    last_progress_at: Time | None = None
    cancel_requested: bool = False

    @computed_field  # type: ignore[prop-decorator]  # mypy and pydantic disagree on the order
    @property
    def terminal(self) -> bool:
        return self.state.terminal

    def parsed(self) -> JobRequest:
        return JobRequest.model_validate(self.request)
