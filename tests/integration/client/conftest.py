"""The real stack and the fake one, for a suite that both must pass."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.client import Client
from modelyard.client.address import Address
from modelyard.testing import FakeServer


@pytest.fixture(scope="session")
def real_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """All services, started as a user starts them; nothing is left of them."""
    folder = tmp_path_factory.mktemp("real")
    modelyard(folder, "up", "--detach")
    try:
        state = json.loads((folder / "var" / "run" / "stack.json").read_text())
        yield Address(state["url"], state["grpc"])
    finally:
        modelyard(folder, "down")


@pytest.fixture(scope="session")
def fake_place() -> Iterator[Address]:
    with FakeServer(models=()) as fake:
        yield Address(fake.url, fake.grpc)


@pytest.fixture(scope="session", params=["fake", "real"])
def place(request: pytest.FixtureRequest) -> Address:
    found: Address = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
def client(place: Address) -> Iterator[Client]:
    with Client(place.url, place.grpc, timeout=60) as client:
        yield client


def modelyard(folder: Path, *arguments: str) -> None:
    environment = {n: v for n, v in os.environ.items() if not n.startswith("MODELYARD_")}
    done = subprocess.run(
        [sys.executable, "-m", "modelyard.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
