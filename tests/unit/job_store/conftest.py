from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelyard.cli.embedded import RedisServer
from modelyard.job import JobRequest
from modelyard.job_store import JobStore
from modelyard.journal import Journal


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_store(
    server: RedisServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., JobStore]:
    """Stores over one server and one journal, each test with keys of its own."""

    def make(*, lease_seconds: float = 30.0, prefix: str = "", **limits: int) -> JobStore:
        return JobStore(
            server.url,
            Journal(tmp_path / "journal"),
            lease_seconds=lease_seconds,
            prefix=f"{request.node.name}{prefix}:",
            **limits,
        )

    return make


@pytest.fixture
def store(new_store: Callable[..., JobStore]) -> JobStore:
    return new_store()


@pytest.fixture
def a_request() -> Callable[..., JobRequest]:
    def make(name: str = "airline", **training: object) -> JobRequest:
        return JobRequest.model_validate(
            {
                "name": name,
                "task": {"type": "forecasting", "target": "passengers", "horizon": 12},
                "dataset": {"type": "csv", "source": "builtin://airline"},
                "network": {"type": "dense", "units": [8]},
                "training": training,
                "publish": {"model": "airline"},
            }
        )

    return make
