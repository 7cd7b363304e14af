"""The errors of the fake, as both wires tell them."""

import json
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.any_pb2 import Any as Packed
from google.rpc import code_pb2, error_details_pb2, status_pb2

from modelyard.errors import Code, Violation

_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.FAILED_PRECONDITION: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNAVAILABLE: 503,
}


@dataclass
class Refused(Exception):
    """Raised anywhere in the fake; each of its doors translates it once."""

    code: Code
    reason: str
    message: str
    violations: tuple[Violation, ...] = ()
    retry_after: float | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def http_status(self) -> int:
        return _STATUS.get(self.code, 500)

    def problem(self, request_id: str) -> bytes:
        body: dict[str, Any] = {
            "type": f"/errors/{self.reason}",
            "title": self.code.value,
            "status": self.http_status,
            "code": self.code.value,
            "reason": self.reason,
            "detail": self.message,
            "violations": [
                {name: value for name, value in vars(violation).items() if value is not None}
                for violation in self.violations
            ],
            "request_id": request_id,
        }
        return json.dumps(body).encode()

    def status(self, request_id: str) -> status_pb2.Status:
        details: list[Any] = [
            error_details_pb2.ErrorInfo(reason=self.reason, domain="modelyard"),
            error_details_pb2.RequestInfo(request_id=request_id),
        ]
        if self.violations:
            details.append(
                error_details_pb2.BadRequest(
                    field_violations=[
                        error_details_pb2.BadRequest.FieldViolation(
                            field=violation.field, description=violation.message
                        )
                        for violation in self.violations
                    ]
                )
            )
        if self.retry_after is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromNanoseconds(int(self.retry_after * 1e9))
            details.append(retry)
        number = code_pb2.Code.Value(self.code.value)
        packed = [_packed(detail) for detail in details]
        return status_pb2.Status(code=number, message=self.message, details=packed)


def invalid(*violations: Violation, reason: str = "INVALID_REQUEST") -> Refused:
    message = "; ".join(map(str, violations))
    return Refused(Code.INVALID_ARGUMENT, reason, message, violations)


def not_found(what: str, name: object, reason: str) -> Refused:
    return Refused(Code.NOT_FOUND, reason, f"there is no {what} {name!r}")


def _packed(detail: Any) -> Packed:
    packed = Packed()
    packed.Pack(detail)
    return packed
