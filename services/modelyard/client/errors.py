"""What a call can end with. Every error says its canonical code, its stable reason and the request it belongs to.

ApiError
├── InvalidRequest  NotFound  AlreadyExists  Conflict  FailedPrecondition  PermissionDenied
├── ResourceExhausted  Unavailable  DeadlineExceeded  Cancelled  Unimplemented  InternalError
├── JobFailed       the job that was waited for ended FAILED or EXPIRED
├── JobCancelled    … or CANCELLED
└── WaitTimeout     … or goes on, for longer than the caller wanted to wait
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from modelyard.errors import Code, Violation

_OWN_REASON = {Code.INVALID_ARGUMENT: "INVALID_REQUEST", Code.ABORTED: "CONFLICT"}
"""Where an error without a reason says another word than its code; as `modelyard.errors` has it."""


class ApiError(Exception):
    """`reason` is a stable UPPER_SNAKE word; `request_id` is found in the logs of the service."""

    default_code: ClassVar[Code] = Code.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        code: Code | None = None,
        reason: str = "",
        violations: tuple[Violation, ...] = (),
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.reason = reason or _OWN_REASON.get(self.code, self.code.value)
        self.violations = violations
        self.request_id = request_id
        self.retry_after = retry_after
        """Seconds after which the service asks to try again."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed a little later. The client has tried that already."""
        return isinstance(self, Unavailable) or self.retry_after is not None

    @property
    def never_began(self) -> bool:
        """Nothing was done by the service, so that even a call that is not idempotent may be sent again."""
        return self.reason in ("UNREACHABLE", "CONNECT_TIMEOUT") or (
            self.code is Code.RESOURCE_EXHAUSTED and self.retry_after is not None
        )


class InvalidRequest(ApiError):
    default_code = Code.INVALID_ARGUMENT


class NotFound(ApiError):
    default_code = Code.NOT_FOUND


class AlreadyExists(ApiError):
    default_code = Code.ALREADY_EXISTS


class Conflict(ApiError):
    default_code = Code.ABORTED


class FailedPrecondition(ApiError):
    default_code = Code.FAILED_PRECONDITION


class PermissionDenied(ApiError):
    default_code = Code.PERMISSION_DENIED


class ResourceExhausted(ApiError):
    default_code = Code.RESOURCE_EXHAUSTED


class Unavailable(ApiError):
    """Nothing answers there, or not now."""

    default_code = Code.UNAVAILABLE


class DeadlineExceeded(ApiError):
    default_code = Code.DEADLINE_EXCEEDED


class Cancelled(ApiError):
    default_code = Code.CANCELLED


class Unimplemented(ApiError):
    default_code = Code.UNIMPLEMENTED


class InternalError(ApiError):
    default_code = Code.INTERNAL


class JobFailed(ApiError):
    default_code = Code.ABORTED


class JobCancelled(ApiError):
    default_code = Code.CANCELLED


class WaitTimeout(ApiError):
    default_code = Code.DEADLINE_EXCEEDED


_BY_CODE: dict[Code, type[ApiError]] = {
    kind.default_code: kind
    for kind in (
        *(InvalidRequest, NotFound, AlreadyExists, Conflict, FailedPrecondition, PermissionDenied),
        *(ResourceExhausted, Unavailable, DeadlineExceeded, Cancelled, Unimplemented),
        InternalError,
    )
}

_CODE_BY_STATUS = {
    400: Code.INVALID_ARGUMENT,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    409: Code.ABORTED,
    412: Code.FAILED_PRECONDITION,
    413: Code.RESOURCE_EXHAUSTED,
    422: Code.INVALID_ARGUMENT,
    429: Code.RESOURCE_EXHAUSTED,
    501: Code.UNIMPLEMENTED,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}


def of_code(code: str, message: str, **details: Any) -> ApiError:
    """The error of a canonical code; one that is not known is an InternalError."""
    known = Code(code) if code in Code.__members__ else Code.INTERNAL
    return _BY_CODE.get(known, InternalError)(message, code=known, **details)


def of_problem(status: int, problem: Mapping[str, Any], **details: Any) -> ApiError:
    """The error of an application/problem+json answer; an empty one is judged by its HTTP status."""
    code = str(problem.get("code") or _CODE_BY_STATUS.get(status, Code.INTERNAL))
    message = problem.get("detail") or problem.get("title") or f"the service answered HTTP {status}"
    details.setdefault("request_id", str(problem.get("request_id") or ""))
    return of_code(
        code,
        str(message),
        reason=str(problem.get("reason") or ""),
        violations=violations_of(problem.get("violations") or ()),
        **details,
    )


def violations_of(items: Any) -> tuple[Violation, ...]:
    return tuple(
        Violation(
            str(item.get("field") or ""),
            str(item.get("message") or ""),
            _text(item.get("expected")),
            _text(item.get("received")),
        )
        for item in items
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
