"""The one place where errors become gRPC statuses: canonical code, message, and details for programs."""

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from modelyard import reasons
from modelyard.errors import Code, InternalError, ModelyardError, Violation

DOMAIN = "modelyard"
_MAX_MESSAGE = 1024
"""TensorFlow Serving cuts here too; messages travel in a header, whose size clients bound."""
_MAX_VIOLATIONS = 20


def public(error: BaseException) -> ModelyardError:
    """What a caller may know of an error: nothing of one that nobody foresaw."""
    if isinstance(error, ModelyardError):
        return error
    return InternalError("an unexpected error; the service's log has it under the request's id")


def status_of(error: ModelyardError, request_id: str, help_url: str = "") -> status_pb2.Status:
    """`help_url` is where the pages of the reasons lie; without it there is no link."""
    return status_pb2.Status(
        code=code_pb2.Code.Value(error.code.value),
        message=_cut(error.message),
        details=[_packed(detail) for detail in _details(error, request_id, help_url)],
    )


def _details(error: ModelyardError, request_id: str, help_url: str) -> list[Message]:
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN),
        error_details_pb2.RequestInfo(request_id=request_id),
    ]
    if error.violations:
        shown = error.violations[:_MAX_VIOLATIONS]
        details.append(
            error_details_pb2.BadRequest(field_violations=[_field(each) for each in shown])
        )
    if error.retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if help_url and (known := reasons.of(error.reason)):
        url = f"{help_url.rstrip('/')}/{known.name}"
        link = error_details_pb2.Help.Link(description=known.mending, url=url)
        details.append(error_details_pb2.Help(links=[link]))
    return details


def _field(violation: Violation) -> error_details_pb2.BadRequest.FieldViolation:
    without_field = Violation("", violation.message, violation.expected, violation.received)
    return error_details_pb2.BadRequest.FieldViolation(
        field=_printable(violation.field)[:200], description=_printable(str(without_field))[:400]
    )


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


def _cut(text: str) -> str:
    text = _printable(text)
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "...TRUNCATED"


def _printable(text: str) -> str:
    """Names come from strangers: lone surrogates cannot be encoded."""
    return text.encode("utf-8", "replace").decode()


def grpc_code_number(code: Code) -> int:
    return int(code_pb2.Code.Value(code.value))
