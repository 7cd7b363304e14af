"""The client: one object per system, with a room for each thing that one can do there."""

import os
from types import TracebackType
from typing import Self

from modelyard.client.datasets import Datasets
from modelyard.client.http import Http
from modelyard.client.jobs import Jobs
from modelyard.client.models import Models
from modelyard.client.predictions import Predictions
from modelyard.client.rpc import Channel

DEFAULT_URL = "http://127.0.0.1:7070"
DEFAULT_GRPC = "127.0.0.1:50051"


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
        """`timeout` is the deadline of one call in seconds; streams of events have none."""
        self.url = url or os.environ.get("MODELYARD_URL") or DEFAULT_URL
        self.grpc = grpc or os.environ.get("MODELYARD_GRPC") or DEFAULT_GRPC
        self._http = Http(self.url, timeout=timeout, retries=retries)
        self._channel = Channel(self.grpc, timeout=timeout, retries=retries)
        self.datasets = Datasets(self._http)
        self.jobs = Jobs(self._http, self.datasets)
        self.models = Models(self._http)
        self.predict = Predictions(self._channel)

    def workers(self) -> list[dict[str, object]]:
        workers: list[dict[str, object]] = self._http.get("/v1/workers")["workers"]
        return workers

    def request_schema(self) -> dict[str, object]:
        """The JSON Schema of a job request, for editors and forms."""
        schema: dict[str, object] = self._http.get("/v1/schemas/job-request")
        return schema

    def close(self) -> None:
        self._http.close()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
