"""The jobs API over the real store, with small limits; no worker, so that jobs stay where they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modelyard.cli.embedded import RedisServer
from modelyard.jobs.app import create_app
from modelyard.settings import JobsSettings

LIMIT = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> JobsSettings:
    return JobsSettings(
        redis_url=redis_url,
        home=tmp_path,
        max_body_bytes=1000,
        max_dataset_bytes=LIMIT,
        max_uploads=3,
        min_free_bytes=0,
        reconcile_seconds=0.2,
    )


@pytest.fixture
def api(settings: JobsSettings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


def request(digest: str, **fields: Any) -> dict[str, Any]:
    """A job that trains on an uploaded table."""
    return {
        "task": {"type": "tabular_classification", "target": "y"},
        "dataset": {"type": "csv", "source": f"dataset://{digest}"},
        "network": {"type": "dense", "units": [4]},
        "publish": {"model": "table"},
        **fields,
    }
