"""How the client speaks gRPC: one lazy channel, deadlines, retries of what found nobody, errors with their details."""

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from modelyard.client.errors import ApiError, of_code
from modelyard.errors import Violation

_UNLIMITED = 2**31 - 1  # the largest message that gRPC takes
_STATUS_KEY = "grpc-status-details-bin"


class Channel:
    def __init__(self, address: str, *, timeout: float, retries: int) -> None:
        self.address = address
        self._timeout = timeout
        self._retries = retries
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def call(
        self,
        method: Callable[[grpc.Channel], Callable[..., Any]],
        request: Any,
        timeout: float | None,
    ) -> Any:
        """Calls what `method` picks from the channel. Predictions change nothing, so all may be retried."""
        request_id = uuid.uuid4().hex
        try:
            return method(self._open())(
                request, timeout=timeout or self._timeout, metadata=(("x-request-id", request_id),)
            )
        except grpc.RpcError as error:
            raise of_rpc_error(error, request_id, self.address) from error

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def _open(self) -> grpc.Channel:
        # Opened at the first call: a client that only submits jobs starts no gRPC threads.
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(self.address, self._options())
            return self._channel

    def _options(self) -> list[tuple[str, Any]]:
        config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
        if self._retries:
            config["methodConfig"] = [{"name": [{}], "retryPolicy": _retry_policy(self._retries)}]
        return [
            ("grpc.max_send_message_length", _UNLIMITED),
            ("grpc.max_receive_message_length", _UNLIMITED),
            ("grpc.service_config", json.dumps(config)),
        ]


def _retry_policy(retries: int) -> dict[str, Any]:
    return {
        "maxAttempts": min(5, 1 + retries),
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }


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
