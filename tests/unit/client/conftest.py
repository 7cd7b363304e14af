"""A fake Modelyard for each test that asks for one."""

from collections.abc import Iterator

import pytest

from modelyard.client import Client
from modelyard.testing import FakeServer

REQUEST = {
    "name": "nightly",
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "dense", "units": [8]},
    "training": {"epochs": 3},
    "publish": {"model": "numbers", "aliases": ["stable"]},
}


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def client(fake: FakeServer) -> Iterator[Client]:
    with fake.client() as client:
        yield client


@pytest.fixture
def request_body() -> dict[str, object]:
    return dict(REQUEST)
