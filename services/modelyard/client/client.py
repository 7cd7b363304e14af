"""The client that waits: one object per system, with a room for each thing that one can do there."""

from types import TracebackType
from typing import Self

from modelyard.client import address as places
from modelyard.client.doors import Datasets, Jobs, Models, Predictions, ServedModel, Workers
from modelyard.client.predictions import Target
from modelyard.client.retrying import Options
from modelyard.client.sync_driver import SyncDriver


class Client:
    """Safe to share between threads. Addresses: argument, then MODELYARD_URL and MODELYARD_GRPC, then this machine."""

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
        self._open(SyncDriver(address.url, address.grpc), Options(timeout, retries))

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
    ) -> ServedModel:
        """A published model, to be asked; `task` saves looking it up. Nothing is called yet."""
        return ServedModel(self._driver, self._options, Target(name, version, alias), task)

    def request_schema(self) -> dict[str, object]:
        """The JSON Schema of a job request, for editors and forms."""
        return self._driver.run(places.request_schema(self._options))

    def close(self) -> None:
        self._driver.close()

    def _open(self, driver: SyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options
        self.url = driver.url
        self.grpc = driver.address
        self.datasets = Datasets(driver, options)
        self.jobs = Jobs(driver, options)
        self.models = Models(driver, options)
        self.workers = Workers(driver, options)
        self.predict = Predictions(driver, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
