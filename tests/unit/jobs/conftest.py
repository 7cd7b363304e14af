from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modelyard.cli.embedded import RedisServer
from modelyard.job_store import JobStore
from modelyard.jobs.app import create_app
from modelyard.journal import Journal
from modelyard.settings import JobsSettings


@dataclass(frozen=True)
class Yard:
    """The API, and what a worker would hold: the store and the folders that both share."""

    api: TestClient
    store: JobStore
    settings: JobsSettings

    def submit(self, request: dict[str, Any]) -> str:
        answer = self.api.post("/v1/jobs", json=request)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def log(self, job: str, attempt: int) -> Path:
        file = self.settings.work / job / f"attempt-{attempt}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        return file


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    home = tmp_path_factory.mktemp("yard")
    server = RedisServer(home / "redis")
    server.start()
    settings = JobsSettings(redis_url=server.url, home=home, reconcile_seconds=0.2)
    store = JobStore(server.url, Journal(settings.journal))
    with TestClient(create_app(settings)) as client:
        yield Yard(client, store, settings)
    store.close()
    server.stop()


@pytest.fixture
def digits() -> dict[str, Any]:
    return {
        "name": "digits",
        "task": {"type": "image_classification"},
        "dataset": {"type": "npz", "source": "builtin://digits"},
        "network": {"type": "cnn", "filters": [8], "units": [16]},
        "publish": {"model": "digits"},
    }


@pytest.fixture
def airline() -> dict[str, Any]:
    return {
        "name": "airline",
        "task": {"type": "forecasting", "target": "passengers", "time": "month", "horizon": 12},
        "dataset": {"type": "csv", "source": "builtin://airline"},
        "network": {"type": "dense", "units": [8]},
        "publish": {"model": "airline"},
    }
