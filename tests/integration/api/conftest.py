"""The jobs API as a process of its own, that can be stopped and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelyard.cli.embedded import RedisServer
from modelyard.job_store import JobStore
from modelyard.journal import Journal


class Service:
    def __init__(self, home: Path, redis_url: str, **settings: Any) -> None:
        self.home = home
        self.redis_url = redis_url
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.work = home / "work"
        wishes = {"HOME": home, "REDIS_URL": redis_url, "PORT": self.port, "LOG_LEVEL": "warning"}
        wishes |= {name.upper(): value for name, value in settings.items()}
        self._environment = os.environ | {f"MODELYARD_{k}": str(v) for k, v in wishes.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Service":
        with open(self.home / "jobs.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "modelyard.jobs"], env=self._environment, stderr=log
            )
        give_up = time.monotonic() + 30
        while self._process.poll() is None and time.monotonic() < give_up:
            try:
                if httpx2.get(f"{self.url}/healthz/ready", trust_env=False).status_code == 200:
                    return self
            except httpx2.TransportError:
                time.sleep(0.05)
        self.stop(signal.SIGKILL)
        raise AssertionError((self.home / "jobs.log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Answers how many seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(how)
        self._process.wait(20)
        return time.monotonic() - began

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def service_settings() -> dict[str, Any]:
    """For a module that wants them otherwise."""
    return {}


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, service_settings: dict[str, Any]
) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("api")
    redis = RedisServer(home / "redis").start()
    service = Service(home, redis.url, **service_settings).start()
    yield service
    service.stop()
    redis.stop()


@pytest.fixture(scope="module")
def store(service: Service) -> Iterator[JobStore]:
    """What a worker would hold."""
    store = JobStore(service.redis_url, Journal(service.home / "journal"))
    yield store
    store.close()


@pytest.fixture
def request_body() -> dict[str, Any]:
    return {
        "task": {"type": "forecasting", "target": "passengers", "time": "month", "horizon": 12},
        "dataset": {"type": "csv", "source": "builtin://airline"},
        "network": {"type": "dense", "units": [8]},
        "publish": {"model": "airline"},
    }
