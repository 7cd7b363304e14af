"""The client that awaits: one object per system, with a room for each thing that one can do there."""

from types import TracebackType
from typing import Self

from modelyard.client import address as places
from modelyard.client.async_doors import (
    AsyncDatasets,
    AsyncJobs,
    AsyncModels,
    AsyncPredictions,
    AsyncServedModel,
    AsyncWorkers,
)
from modelyard.client.async_driver import AsyncDriver
from modelyard.client.predictions import Target
from modelyard.client.retrying import Options


class AsyncClient:
    """One event loop at a time. Addresses: argument, then MODELYARD_URL and MODELYARD_GRPC, then this machine."""

    def __init__(
        self,
        url: str | None = None,
        grpc: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 2,
    ) -> None:
        """`timeout` is the deadline of one call in seconds, with its retries; streams of events have none."""
        address = places.address_of(url, grpc)
        self._open(AsyncDriver(address.url, address.grpc), Options(timeout, retries))

    def with_options(self, *, timeout: float | None = None, retries: int | None = None) -> Self:
        """The same client with another deadline or patience; it shares the connections of this one."""
        other = type(self).__new__(type(self))
        other._open(self._driver, self._options.changed(timeout, retries))
        return other

    def model(
        self,
        name: str,
        *,
        version: int | None = None,
        alias: str | None = None,
        task: str | None = None,
    ) -> AsyncServedModel:
        """A published model, to be asked; `task` saves looking it up. Nothing is called yet."""
        return AsyncServedModel(self._driver, self._options, Target(name, version, alias), task)

    async def request_schema(self) -> dict[str, object]:
        """The JSON Schema of a job request, for editors and forms."""
        return await self._driver.run(places.request_schema(self._options))

    async def close(self) -> None:
        await self._driver.close()

    def _open(self, driver: AsyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options
        self.url = driver.url
        self.grpc = driver.address
        self.datasets = AsyncDatasets(driver, options)
        self.jobs = AsyncJobs(driver, options)
        self.models = AsyncModels(driver, options)
        self.workers = AsyncWorkers(driver, options)
        self.predict = AsyncPredictions(driver, options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
