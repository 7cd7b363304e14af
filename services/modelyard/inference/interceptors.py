"""What all calls have in common: admission, request ids, errors, metrics and the log line.

The servicers behind it raise errors of `modelyard.errors`, and nothing else translates them.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from modelyard import logs
from modelyard.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    ModelyardError,
    ResourceExhausted,
)
from modelyard.inference import call
from modelyard.inference.byte_budget import ByteBudget, Reservation
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.outcome import note_end
from modelyard.inference.pool import CallPool
from modelyard.inference.status import public, status_of

REQUEST_ID = "x-request-id"
_RETRY_SECONDS = 0.1

Handler = Any  # grpc.RpcMethodHandler is generic over messages that do not matter here
Behavior = Callable[[Any, grpc.ServicerContext], Any]


@dataclass(frozen=True)
class Received:
    """A request as it came in: a message, or why it is none."""

    message: Any = None
    error: ModelyardError | None = None
    bytes: Reservation | None = None


class CallInterceptor(grpc.ServerInterceptor):
    """Wraps every call with one request and one answer; health, being asked often, is only passed on."""

    def __init__(
        self,
        pool: CallPool,
        received: ByteBudget,
        metrics: InferenceMetrics,
        *,
        untouched: frozenset[str],
        help_url: str = "",
    ) -> None:
        self._pool = pool
        self._received = received
        self._metrics = metrics
        self._untouched = untouched
        """Full names of services that have threads of their own and no metrics."""
        self._help_url = help_url
        """Where the pages of the reasons lie."""
        self._turning_away = ThreadPoolExecutor(2, thread_name_prefix="turn-away")

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        service, _, method = handler_call_details.method.lstrip("/").rpartition("/")
        if service in self._untouched:
            return handler
        api = f"{service.rpartition('.')[2]}/{method}"
        if self._pool.is_full:
            return self._turned_away(handler)
        return grpc.unary_unary_rpc_method_handler(
            self._wrapped(handler.unary_unary, api),
            request_deserializer=self._reader(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _reader(self, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Received]:
        """gRPC answers INTERNAL without a word if a deserializer raises, so this one never does."""

        def read(data: bytes) -> Received:
            try:
                reservation = self._received.reserve(len(data))
            except ModelyardError as error:
                return Received(error=error)
            try:
                return Received(deserialize(data), bytes=reservation)
            except (DecodeError, ValueError) as error:
                return Received(error=_undecodable(error), bytes=reservation)

        return read

    def _wrapped(self, behavior: Behavior, api: str) -> Behavior:
        def behave(received: Received, context: grpc.ServicerContext) -> Any:
            request_id = _request_id(context)
            with logs.bind(request_id=request_id), self._metrics.in_flight.track_inprogress():
                return self._answer(behavior, received, context, api, request_id)

        return behave

    def _answer(
        self,
        behavior: Behavior,
        received: Received,
        context: grpc.ServicerContext,
        api: str,
        request_id: str,
    ) -> Any:
        started = time.monotonic()
        subject = call.begin()
        answer: Any = None
        failure: Exception | None = None
        try:
            message = _message(received, context)
            context.send_initial_metadata(((REQUEST_ID, request_id),))
            answer = behavior(message, context)
        except grpc.RpcError:  # gRPC's way to say that the caller left just now
            failure = Cancelled("the caller has left", reason="CALLER_LEFT")
        except Exception as error:  # the one place where everything that is raised is translated
            failure = error
        if received.bytes is not None:
            received.bytes.release()
        note_end(self._metrics, api, subject, time.monotonic() - started, failure)
        if failure is not None:
            self._abort(context, public(failure), request_id)
        return answer

    def _turned_away(self, handler: Handler) -> Handler:
        def refuse(_: Any, context: grpc.ServicerContext) -> NoReturn:
            error = ResourceExhausted(
                f"{self._pool.calls} calls are being worked on, and no more are accepted",
                reason="TOO_MANY_CALLS",
                retry_after=_RETRY_SECONDS,
            )
            self._abort(context, error, _request_id(context))

        self._metrics.rejected.labels("too_many_calls").inc()
        # The pool of the calls is full; gRPC takes another one from this attribute.
        refuse.experimental_thread_pool = self._turning_away  # type: ignore[attr-defined]  # of a function
        return grpc.unary_unary_rpc_method_handler(
            refuse,
            request_deserializer=len,  # what it says does not matter
            response_serializer=handler.response_serializer,
        )

    def _abort(
        self, context: grpc.ServicerContext, error: ModelyardError, request_id: str
    ) -> NoReturn:
        status = rpc_status.to_status(status_of(error, request_id, self._help_url))
        # Trailing metadata that was set before would be replaced by the status's own.
        metadata = (*status.trailing_metadata, (REQUEST_ID, request_id))
        context.abort_with_status(status._replace(trailing_metadata=metadata))


def _message(received: Received, context: grpc.ServicerContext) -> Any:
    """The request, unless it is none or comes too late."""
    if received.error is not None:
        raise received.error
    if context.time_remaining() <= 0:
        raise DeadlineExceeded(
            "the deadline passed before the call began", reason="DEADLINE_IN_QUEUE"
        )
    if not context.is_active():
        raise Cancelled("the caller has left", reason="CALLER_LEFT")
    return received.message


def _undecodable(error: Exception) -> InvalidRequest:
    return InvalidRequest(
        f"the request is not a message of its type, or holds text that is not UTF-8: {error}"[:300],
        reason="MALFORMED_REQUEST",
    )


def _request_id(context: grpc.ServicerContext) -> str:
    """The caller's, if it is one, so that traces meet; else a new one."""
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID and isinstance(value, str):
            return call.request_id(value)
    return call.request_id("")
