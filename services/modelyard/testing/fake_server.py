"""The fake as a whole: both ports, and what a test may ask of it."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from modelyard.client import AsyncClient, Client
from modelyard.errors import Code
from modelyard.testing.fake_datasets import FakeDatasets
from modelyard.testing.fake_grpc import grpc_server
from modelyard.testing.fake_http import Api, HttpServer
from modelyard.testing.fake_jobs import FakeJobs, Fate
from modelyard.testing.fake_models import CANNED, FakeModel, FakeModels
from modelyard.testing.fake_troubles import FakeTroubles


class FakeServer:
    """Runs from its making to `close`; also a context manager. Each has ports and contents of its own."""

    def __init__(self, models: Sequence[FakeModel] = CANNED, *, step: float = 0.02) -> None:
        """`step` is how many seconds a job stays in each of its states and in each epoch."""
        self._troubles = FakeTroubles()
        self._models = FakeModels(models)
        datasets = FakeDatasets()
        self._jobs = FakeJobs(self._models, datasets.knows, step)
        self._http = HttpServer(Api(self._jobs, self._models, datasets, self._troubles))
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.02,), name="fake-modelyard", daemon=True
        )
        self._thread.start()
        self._grpc, port = grpc_server(self._models, self._troubles, self._settle)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.grpc = f"127.0.0.1:{port}"

    @property
    def calls(self) -> tuple[str, ...]:
        """What was asked so far, such as `POST /v1/jobs` or `/modelyard.v1.TextService/ClassifyTexts`."""
        return tuple(self._troubles.asked)

    def client(self, *, timeout: float = 10.0, retries: int = 2) -> Client:
        return Client(self.url, self.grpc, timeout=timeout, retries=retries)

    def async_client(self, *, timeout: float = 10.0, retries: int = 2) -> AsyncClient:
        return AsyncClient(self.url, self.grpc, timeout=timeout, retries=retries)

    def add_model(self, model: FakeModel) -> None:
        """Also replaces the one of that name."""
        self._models.put(model)

    def next_job_ends(self, fate: Fate) -> None:
        """How the job that is submitted next will end; told several times, those after it, too."""
        self._jobs.next_ends(fate)

    def refuse_next_calls(
        self,
        times: int = 1,
        *,
        code: str = "UNAVAILABLE",
        reason: str = "UNAVAILABLE",
        retry_after: float | None = None,
    ) -> None:
        """The next calls, whichever they are, are answered with this error."""
        self._troubles.refuse(times, Code(code), reason, retry_after)

    def cut_next_stream(self, *, after: int) -> None:
        """The next stream of events or logs breaks in the middle of the message after so many."""
        self._troubles.cut_next_stream(after)

    def close(self) -> None:
        self._grpc.stop(None).wait()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _settle(self) -> None:
        self._jobs.page({}, 1, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
