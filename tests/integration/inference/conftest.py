"""A real service process, small real SavedModels, and what publishes them as the trainer would."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from modelyard.model_store import Lineage, Manifest, ModelStore

START_SECONDS = 60.0

SIGMOID = {"float32": {"absolute": 1e-5, "relative": 1e-4}}
TASKS: dict[str, dict[str, Any]] = {
    "images": {
        "task": {"type": "image_classification"},
        "classes": ("dark", "bright"),
        "serving": {"size": [2, 2], "channels": 1},
    },
    "texts": {"task": {"type": "text_classification"}, "classes": ("ham", "spam")},
    "series": {
        "task": {"type": "forecasting"},
        "serving": {"window": 3, "horizon": 3, "target": "sales", "covariates": ["step"]},
    },
    "classified": {
        "task": {"type": "tabular_classification"},
        "classes": ("short", "tall"),
        "serving": {
            "columns": {"height": "number", "colour": "text"},
            "inputs": {"height": "height in cm", "colour": "colour"},
        },
    },
    "valued": {
        "task": {"type": "tabular_regression"},
        "serving": {
            "columns": {"height": "number", "colour": "text"},
            "inputs": {"height": "height in cm", "colour": "colour"},
        },
    },
}


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SavedModels of build_models.py, made by a process of its own: tests do without TensorFlow."""
    folder = tmp_path_factory.mktemp("zoo")
    script = Path(__file__).parent / "build_models.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True)
    return folder


@dataclass
class Publisher:
    """Publishes SavedModels of the zoo through the model store."""

    store: ModelStore
    zoo: Path

    def __call__(self, source: str, model: str, version: int, **changes: Any) -> Path:
        staged = self.store.staging(f"{model}.{version}", 1)
        shutil.copytree(self.zoo / source, staged, dirs_exist_ok=True)
        manifest = self.store.seal(staged, self.manifest(source, model, version, **changes))
        return self.store.publish(staged, manifest)

    def without_manifest(self, source: str, model: str, version: str | int) -> Path:
        folder = self.store.root / model / str(version)
        shutil.copytree(self.zoo / source, folder)
        return folder

    def manifest(self, source: str, model: str, version: int, **changes: Any) -> Manifest:
        values: dict[str, Any] = {
            "model": model,
            "version": version,
            "created_at": "2026-01-01T00:00:00Z",
            "task": {"type": "arithmetic"},
            "network": {"type": "dense"},
            "parameters": 1,
            "signatures": {},
            "tolerance": SIGMOID,
            "metrics": {},
            "lineage": Lineage(
                job=f"{model}.{version}", fence=1, dataset="none", seed=0, libraries={}
            ),
        }
        return Manifest.model_validate(values | TASKS.get(source, {}) | changes)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "models")
    store.root.mkdir()
    return store


@pytest.fixture
def publish(store: ModelStore, zoo: Path) -> Publisher:
    return Publisher(store, zoo)


@dataclass
class Service:
    """`python -m modelyard.inference`, started by the test."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0
    metrics_port: int = 0
    rest_port: int = 0
    channels: list[grpc.Channel] = field(default_factory=list)

    def channel(self) -> grpc.Channel:
        options = (
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
        )
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options)
        self.channels.append(channel)
        return channel

    def page(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.metrics_port}{path}", timeout=10
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, series: str) -> float:
        """The value of one series, written as on the page; 0 if it is not there."""
        for line in self.page("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return 0.0

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]

    def wait_until(self, condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"not so in time:\n{self.log.read_text()}"
            time.sleep(0.02)

    def wait_ready(self) -> "Service":
        self.wait_until(lambda: bool(self._started()))
        started = self._started()[0]
        self.port = int(started["grpc"].rpartition(":")[2])
        self.metrics_port = int(started["metrics"].rpartition(":")[2])
        self.rest_port = int(started.get("rest", ":0").rpartition(":")[2])
        self.wait_until(lambda: self.page("/healthz/ready")[0] == 200)
        return self

    def wait_loaded(self, model: str, version: int) -> None:
        self.wait_until(
            lambda: any(
                line["event"] == "version_available"
                and (line["model"], line["version"]) == (model, version)
                for line in self.lines()
            )
        )

    def _started(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == "inference_started"]

    def terminate(self, seconds: float = 60.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


Start = Callable[..., Service]


@pytest.fixture
def start(store: ModelStore, tmp_path: Path) -> Iterator[Start]:
    """`start(max_queue_rows=8)` starts a service with these settings and waits until it is ready."""
    services: list[Service] = []

    def begin(**settings: Any) -> Service:
        values = {
            "models_dir": store.root,
            "grpc_port": 0,
            "inference_metrics_port": 0,
            "poll_seconds": 0.05,
            "log_level": "debug",
        } | settings
        log = tmp_path / f"service-{len(services)}.log"
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "modelyard.inference"],
                env={**os.environ, **{f"MODELYARD_{k.upper()}": str(v) for k, v in values.items()}},
                stderr=file,
                stdout=file,
            )
        service = Service(process, log)
        services.append(service)
        return service.wait_ready()

    yield begin
    for service in services:
        for channel in service.channels:
            channel.close()
        service.process.kill()
        service.process.wait()
