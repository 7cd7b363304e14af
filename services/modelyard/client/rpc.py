"""gRPC as the client speaks it: the options of its channel, and errors with their details."""

import json
import uuid
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from modelyard.client.errors import ApiError, of_code
from modelyard.client.retrying import Options, retried
from modelyard.client.steps import Ask, Steps
from modelyard.errors import Violation

_UNLIMITED = 2**31 - 1  # the largest message that gRPC takes
_STATUS_KEY = "grpc-status-details-bin"

CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_send_message_length", _UNLIMITED),
    ("grpc.max_receive_message_length", _UNLIMITED),
    # Retries are ours, because only they hear of the RetryInfo that a busy service sends.
    ("grpc.enable_retries", 0),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    # A service that restarts is found again as soon as it is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


def ask(
    options: Options, method: str, request: Any, response: type[Any], timeout: float | None
) -> Steps[Any]:
    """Calls until it is answered. Predictions change nothing, so all may be tried again."""
    options = options.changed(timeout, None)
    step = Ask(method, request, response, options.timeout, uuid.uuid4().hex)
    return (yield from retried(options, step, lambda answer: answer, safe=True))


def metadata(step: Ask) -> tuple[tuple[str, str], ...]:
    return (("x-request-id", step.request_id),)


def of_rpc_error(error: grpc.RpcError, request_id: str, address: str) -> ApiError:
    """The error that a failed call stands for, with what the service put beside its status."""
    code = error.code().name
    details = _details(error)
    message = error.details() or code
    if code == "UNAVAILABLE" and not details:
        message = f"nothing answers at {address} ({message})"
        details = {"reason": "UNREACHABLE"}
    return of_code(code, message, **({"request_id": request_id} | details))


def _details(error: grpc.RpcError) -> dict[str, Any]:
    found: dict[str, Any] = {}
    metadata: Any = error.trailing_metadata() or ()  # pairs, which the type stubs do not say
    for packed in (value for key, value in metadata if key == _STATUS_KEY):
        for detail in status_pb2.Status.FromString(packed).details:
            found |= _unpacked(detail)
    return found


def _unpacked(detail: Any) -> dict[str, Any]:
    info = error_details_pb2.ErrorInfo()
    if detail.Unpack(info):
        return {"reason": info.reason}
    bad_request = error_details_pb2.BadRequest()
    if detail.Unpack(bad_request):
        violations = (Violation(v.field, v.description) for v in bad_request.field_violations)
        return {"violations": tuple(violations)}
    retry = error_details_pb2.RetryInfo()
    if detail.Unpack(retry):
        return {"retry_after": retry.retry_delay.ToTimedelta().total_seconds()}
    request = error_details_pb2.RequestInfo()
    if detail.Unpack(request):
        return {"request_id": request.request_id}
    return {}
