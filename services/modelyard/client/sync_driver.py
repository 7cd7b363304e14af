"""Performs the steps of the client by blocking. Safe to share between threads."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import grpc
import httpx2

from modelyard.client import http, rpc
from modelyard.client.errors import ApiError
from modelyard.client.retrying import out_of_time
from modelyard.client.steps import (
    Ask,
    Emit,
    NextLine,
    Open,
    Pause,
    Reply,
    Send,
    Step,
    Steps,
    T,
    Work,
)


class SyncDriver:
    def __init__(self, url: str, address: str) -> None:
        self.url = url.rstrip("/")
        self.address = address
        # The environment's proxies are for the outside world, not for a service named by its address.
        self._http = httpx2.Client(base_url=self.url, trust_env=False)
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def run(self, steps: Steps[T]) -> T:
        """What the steps come to. They emit nothing."""
        with closing(steps):
            try:
                step = next(steps)
                while True:
                    try:
                        outcome = self._do(step)
                    except ApiError as error:
                        step = steps.throw(error)
                    else:
                        step = steps.send(outcome)
            except StopIteration as done:
                result: T = done.value
                return result

    def iterate(self, steps: Steps[None]) -> Iterator[Any]:
        """What the steps emit, as they emit it. Whoever stops iterating closes what they opened."""
        with closing(steps), _Stream(self._http, self.url) as stream:
            try:
                step = next(steps)
                while True:
                    if isinstance(step, Emit):
                        yield step.value
                        step = steps.send(None)
                        continue
                    try:
                        outcome = stream.do(step) if _streams(step) else self._do(step)
                    except ApiError as error:
                        step = steps.throw(error)
                    else:
                        step = steps.send(outcome)
            except StopIteration:
                return

    def close(self) -> None:
        self._http.close()
        with self._lock:
            if self._channel is not None:
                self._channel.close()

    def _do(self, step: Step) -> Any:
        match step:
            case Send():
                return self._send(step)
            case Ask():
                return self._ask(step)
            case Pause():
                time.sleep(step.seconds)
                return None
            case Work():
                return step.function()
            case _:
                raise AssertionError(f"{step} belongs to an iteration")

    def _send(self, send: Send) -> Reply:
        deadline = time.monotonic() + send.timeout
        try:
            with self._http.stream(**http.arguments(send)) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if time.monotonic() > deadline:  # the library's limits are per read
                        raise out_of_time(self.url)
                return Reply(response.status_code, dict(response.headers), bytes(body))
        except http.FAILURES as error:
            raise http.translated(error, self.url) from error

    def _ask(self, ask: Ask) -> Any:
        method = self._open().unary_unary(
            ask.method,
            request_serializer=type(ask.request).SerializeToString,
            response_deserializer=ask.response.FromString,
        )
        try:
            return method(ask.request, timeout=ask.timeout, metadata=rpc.metadata(ask))
        except grpc.RpcError as error:
            raise rpc.of_rpc_error(error, ask.request_id, self.address) from error

    def _open(self) -> grpc.Channel:
        # Opened at the first call: a client that only submits jobs starts no gRPC threads.
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(self.address, rpc.CHANNEL_OPTIONS)
            return self._channel


class _Stream:
    """The reply that goes on, of which an iteration has one at most."""

    def __init__(self, client: httpx2.Client, url: str) -> None:
        self._client = client
        self._url = url
        self._stack = ExitStack()
        self._lines: Iterator[str] = iter(())

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def do(self, step: Step) -> Reply | str | None:
        try:
            return self._open(step) if isinstance(step, Open) else next(self._lines, None)
        except http.FAILURES as error:
            raise http.translated(error, self._url) from error

    def _open(self, step: Open) -> Reply | None:
        self._stack.close()
        timeout = httpx2.Timeout(http.TIMEOUT_OF_CONNECT, read=step.silence)
        response = self._stack.enter_context(
            self._client.stream(
                "GET",
                step.path,
                params=dict(step.params) or None,
                headers=dict(step.headers),
                timeout=timeout,
            )
        )
        if response.is_error:
            return Reply(response.status_code, dict(response.headers), response.read())
        self._lines = response.iter_lines()
        return None


def _streams(step: Step) -> bool:
    return isinstance(step, Open | NextLine)
