"""The one error tree. Each error knows its canonical code; one place per transport translates it.

ModelyardError
├── InvalidRequest        what was asked for cannot be right, whatever the state of the system
│   └── BadData           the dataset does not hold what the request says of it
├── NotFound   AlreadyExists   Conflict   FailedPrecondition
├── ResourceExhausted     a bound was reached; try again after `retry_after` seconds
├── Unavailable   DeadlineExceeded   Cancelled
├── Unimplemented
└── InternalError         a defect of ours
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import ClassVar, Self


class Code(StrEnum):
    """The canonical codes of google.rpc.Code that this system answers with."""

    CANCELLED = "CANCELLED"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong, and where.

    `field` is a path such as `network.layers[1].units`, or `file.csv:17` for a row of a dataset.
    """

    field: str
    message: str
    expected: str | None = None
    received: str | None = None

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        if self.expected is not None:
            text += f" (expected {self.expected}"
            text += f", received {self.received})" if self.received is not None else ")"
        elif self.received is not None:
            text += f" (received {self.received})"
        return text


class ModelyardError(Exception):
    """`reason` is a stable UPPER_SNAKE word for programs; the message is for people."""

    code: ClassVar[Code] = Code.INTERNAL
    default_reason: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.violations = violations
        self.retry_after = retry_after


class InvalidRequest(ModelyardError):
    code = Code.INVALID_ARGUMENT
    default_reason = "INVALID_REQUEST"

    @classmethod
    def of(
        cls,
        field: str,
        message: str,
        *,
        expected: str | None = None,
        received: str | None = None,
        reason: str | None = None,
    ) -> Self:
        """The error for one wrong field."""
        return cls.of_all((Violation(field, message, expected, received),), reason=reason)

    @classmethod
    def of_all(cls, violations: tuple[Violation, ...], *, reason: str | None = None) -> Self:
        return cls("; ".join(map(str, violations)), reason=reason, violations=violations)


class BadData(InvalidRequest):
    """Each violation's field names a file and row, where there is one."""

    default_reason = "BAD_DATA"

    @classmethod
    def refuse(cls, violations: Iterable[Violation], *, most: int = 20) -> None:
        """Raises if there is any violation: the first `most` of them, and how many more there are."""
        found = iter(violations)
        shown = tuple(islice(found, most))
        if not shown:
            return
        more = sum(1 for _ in found)
        if more:
            shown = (*shown, Violation("", f"and {more} more like these"))
        raise cls.of_all(shown)


class NotFound(ModelyardError):
    code = Code.NOT_FOUND
    default_reason = "NOT_FOUND"


class AlreadyExists(ModelyardError):
    code = Code.ALREADY_EXISTS
    default_reason = "ALREADY_EXISTS"


class Conflict(ModelyardError):
    """Somebody else changed the same thing first: a lost compare-and-swap, a moved fence."""

    code = Code.ABORTED
    default_reason = "CONFLICT"


class FailedPrecondition(ModelyardError):
    code = Code.FAILED_PRECONDITION
    default_reason = "FAILED_PRECONDITION"


class ResourceExhausted(ModelyardError):
    code = Code.RESOURCE_EXHAUSTED
    default_reason = "RESOURCE_EXHAUSTED"


class Unavailable(ModelyardError):
    code = Code.UNAVAILABLE
    default_reason = "UNAVAILABLE"


class DeadlineExceeded(ModelyardError):
    code = Code.DEADLINE_EXCEEDED
    default_reason = "DEADLINE_EXCEEDED"


class Cancelled(ModelyardError):
    code = Code.CANCELLED
    default_reason = "CANCELLED"


class Unimplemented(ModelyardError):
    code = Code.UNIMPLEMENTED
    default_reason = "UNIMPLEMENTED"


class InternalError(ModelyardError):
    code = Code.INTERNAL
    default_reason = "INTERNAL"
