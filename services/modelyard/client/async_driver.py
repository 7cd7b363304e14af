"""Performs the steps of the client by awaiting. One event loop at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
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


class AsyncDriver:
    def __init__(self, url: str, address: str) -> None:
        self.url = url.rstrip("/")
        self.address = address
        self._http = httpx2.AsyncClient(base_url=self.url, trust_env=False)
        self._channel: grpc.aio.Channel | None = None

    async def run(self, steps: Steps[T]) -> T:
        """What the steps come to. They emit nothing."""
        with closing(steps):
            try:
                step = next(steps)
                while True:
                    try:
                        outcome = await self._do(step)
                    except ApiError as error:
                        step = steps.throw(error)
                    else:
                        step = steps.send(outcome)
            except StopIteration as done:
                result: T = done.value
                return result

    async def iterate(self, steps: Steps[None]) -> AsyncIterator[Any]:
        """What the steps emit, as they emit it. Whoever closes the iteration closes what it opened."""
        async with _Stream(self._http, self.url) as stream:
            with closing(steps):
                try:
                    step = next(steps)
                    while True:
                        if isinstance(step, Emit):
                            yield step.value
                            step = steps.send(None)
                            continue
                        try:
                            if isinstance(step, Open | NextLine):
                                outcome = await stream.do(step)
                            else:
                                outcome = await self._do(step)
                        except ApiError as error:
                            step = steps.throw(error)
                        else:
                            step = steps.send(outcome)
                except StopIteration:
                    return

    async def close(self) -> None:
        await self._http.aclose()
        if self._channel is not None:
            await self._channel.close()

    async def _do(self, step: Step) -> Any:
        match step:
            case Send():
                return await self._send(step)
            case Ask():
                return await self._ask(step)
            case Pause():
                await asyncio.sleep(step.seconds)
                return None
            case Work():
                return await asyncio.to_thread(step.function)
            case _:
                raise AssertionError(f"{step} belongs to an iteration")

    async def _send(self, send: Send) -> Reply:
        try:
            async with asyncio.timeout(send.timeout):
                response = await self._http.request(**http.arguments(send))
        except TimeoutError as error:
            raise out_of_time(self.url) from error
        except http.FAILURES as error:
            raise http.translated(error, self.url) from error
        return Reply(response.status_code, dict(response.headers), response.content)

    async def _ask(self, ask: Ask) -> Any:
        if self._channel is None:  # at the first call, inside the loop that it belongs to
            self._channel = grpc.aio.insecure_channel(self.address, rpc.CHANNEL_OPTIONS)
        method: Any = self._channel.unary_unary(
            ask.method,
            request_serializer=type(ask.request).SerializeToString,
            response_deserializer=ask.response.FromString,
        )
        try:
            return await method(ask.request, timeout=ask.timeout, metadata=rpc.metadata(ask))
        except grpc.RpcError as error:
            raise rpc.of_rpc_error(error, ask.request_id, self.address) from error


class _Stream:
    """The reply that goes on, of which an iteration has one at most."""

    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._stack = AsyncExitStack()
        self._lines: AsyncIterator[str] | None = None

    async def __aenter__(self) -> "_Stream":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def do(self, step: Open | NextLine) -> Reply | str | None:
        try:
            if isinstance(step, Open):
                return await self._open(step)
            return None if self._lines is None else await anext(self._lines, None)
        except http.FAILURES as error:
            raise http.translated(error, self._url) from error

    async def _open(self, step: Open) -> Reply | None:
        await self._stack.aclose()
        timeout = httpx2.Timeout(http.TIMEOUT_OF_CONNECT, read=step.silence)
        response = await self._stack.enter_async_context(
            self._client.stream(
                "GET",
                step.path,
                params=dict(step.params) or None,
                headers=dict(step.headers),
                timeout=timeout,
            )
        )
        if response.is_error:
            return Reply(response.status_code, dict(response.headers), await response.aread())
        self._lines = response.aiter_lines()
        return None
