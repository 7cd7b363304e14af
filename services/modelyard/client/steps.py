"""What the client does, without doing it: generators of steps that a driver performs, blocking or awaiting.

A room of the client writes each operation once, as a generator that yields steps and is sent their
outcomes. `SyncDriver` and `AsyncDriver` know how a step is done, and nothing else. That is all that the
two clients do not share.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Send:
    """One HTTP request; the outcome is a Reply, or an ApiError if there was none."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    """Seconds until the whole reply must be there."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Open:
    """Opens a reply that goes on, and closes the one before. The outcome is a Reply if it is an error, else None."""

    path: str
    headers: Mapping[str, str]
    silence: float
    """Seconds that may pass without a byte."""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NextLine:
    """The outcome is the next line of what was opened, or None at its end."""


@dataclass(frozen=True)
class Ask:
    """One unary gRPC call; the outcome is the response."""

    method: str
    """Such as `/modelyard.v1.TextService/ClassifyTexts`."""
    request: Any
    response: type[Any]
    timeout: float
    request_id: str


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Work:
    """Something that blocks, such as reading a file; the outcome is what it returns."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Emit:
    """One item for whoever iterates."""

    value: Any


Step = Send | Open | NextLine | Ask | Pause | Work | Emit
Steps = Generator[Step, Any, T]
