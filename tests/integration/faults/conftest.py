"""A yard of real processes that can be killed, frozen and cut off, and the checker of what it promises."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from modelyard.cli.embedded import RedisServer
from modelyard.journal import Journal
from modelyard.model_store import ModelStore

LEASE_SECONDS = 3.0
PATIENCE_SECONDS = float(os.environ.get("YARD_PATIENCE_SECONDS", "90"))
"""How long a thing that must happen may take on a slow machine."""

DIGITS = {
    "name": "digits",
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "dense", "units": [16]},
    "training": {"epochs": 24, "batch_size": 4},
    "publish": {"model": "digits", "aliases": ["stable"]},
}
"""A real job of a few seconds, in two dozen epochs: long enough to be hit in the middle."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A service with all that it started."""

    def __init__(self, module: str, environment: dict[str, str], log: Path) -> None:
        with open(log, "ab") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", module],
                env=os.environ | environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.log = log

    @property
    def pid(self) -> int:
        return self._popen.pid

    def tree(self) -> list[psutil.Process]:
        try:
            main = psutil.Process(self.pid)
            return [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def trainer(self) -> psutil.Process | None:
        for process in self.tree():
            try:
                if "modelyard.training.trainer" in process.cmdline():
                    return process
            except psutil.Error:
                continue
        return None

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def freeze(self) -> list[psutil.Process]:
        frozen = self.tree()
        for process in frozen:
            process.suspend()
        return frozen

    def running(self) -> bool:
        return self._popen.poll() is None

    def wait(self, seconds: float = 30) -> int:
        return self._popen.wait(seconds)

    def destroy(self) -> None:
        for process in self.tree():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._popen.wait()


class Yard:
    digits = DIGITS

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis = RedisServer(folder / "redis")
        self.redis.start()
        self.models = ModelStore(folder / "home/models")
        self.journal = Journal(folder / "home/journal")
        self._port = free_port()
        self._processes: list[Process] = []
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=20)

    def start(self, module: str, **settings: str) -> Process:
        environment = {
            "MODELYARD_HOME": str(self.folder / "home"),
            "MODELYARD_REDIS_URL": self.redis.url,
            "MODELYARD_LEASE_SECONDS": str(LEASE_SECONDS),
            "MODELYARD_RECONCILE_SECONDS": "0.5",
            "MODELYARD_WORKER_METRICS_PORT": "0",
            "MODELYARD_GRACE_SECONDS": "15",
            "MODELYARD_PORT": str(self._port),
            "MODELYARD_DEVICE": "cpu",
        } | {f"MODELYARD_{name.upper()}": value for name, value in settings.items()}
        if changed := os.environ.get("YARD_SERVICES"):
            environment["PYTHONPATH"] = changed  # a copy of the source with a protection removed
        name = f"{module.rpartition('.')[2]}-{len(self._processes)}"
        process = Process(module, environment, self.folder / f"{name}.log")
        self._processes.append(process)
        return process

    def start_api(self, **settings: str) -> Process:
        api = self.start("modelyard.jobs", **settings)
        self.until(self._answers, "the API answers")
        return api

    def start_worker(self, fault: str = "", **settings: str) -> Process:
        if fault:
            settings["fault"] = f"{fault}:{self.folder / 'fault-happened'}"
        return self.start("modelyard.training", **settings)

    def fault_happened(self) -> bool:
        return (self.folder / "fault-happened").exists()

    def submit(self, request: dict[str, Any] = DIGITS, key: str = "") -> str:
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.client.post("/v1/jobs", json=request, headers=headers)
        assert answer.status_code == 201, answer.text
        job: str = answer.json()["id"]
        return job

    def job(self, job: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/jobs/{job}")
        answer.raise_for_status()
        record: dict[str, Any] = answer.json()
        return record

    def events(self, job: str) -> list[tuple[str, dict[str, Any]]]:
        """All events of a job that has ended."""
        return list(self._watch(job))

    def events_so_far(self, job: str) -> list[tuple[str, dict[str, Any]]]:
        """Up to the second time that it was claimed."""
        found = []
        for kind, data in self._watch(job):
            found.append((kind, data))
            if kind == "state" and data["attempt"] == 2:
                break
        return found

    def _watch(self, job: str) -> Iterator[tuple[str, dict[str, Any]]]:
        with self.client.stream("GET", f"/v1/jobs/{job}/events") as answer:
            event = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)

    def until(self, so: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            try:
                answer = so()
            except httpx2.HTTPError:
                answer = None
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}\n{self.logs()}")

    def until_epoch(self, job: str, epoch: int) -> None:
        self.until(lambda: self.job(job)["epoch"] >= epoch, f"{job} is past epoch {epoch}")

    def until_ended(self, job: str) -> dict[str, Any]:
        self.until(lambda: self.job(job)["terminal"], f"{job} has ended")
        return self.job(job)

    def check_promises(self, job: str, *, epochs_redone: int = 0) -> dict[str, Any]:
        """I1 an end · I2 at most one version · I3 it is whole · I5 the fence only grows · I6 the end is
        final · I7 little is done twice. Answers the record."""
        record = self.until_ended(job)
        mine = [
            version
            for version in self.models.versions(record["model"])
            if self.models.published_by(job, record["model"], version)
        ]
        succeeded = record["state"] == "SUCCEEDED"
        assert mine == ([record["version"]] if succeeded else []), f"{mine}, {record}"
        for version in mine:
            assert self.models.damage(record["model"], version) == []
        staging = self.models.root / ".staging"
        assert not succeeded or not list(staging.glob(f"{job}-*"))
        events = self.events(job)
        assert [kind for kind, _ in events].count("end") == 1
        assert events[-1][0] == "end"
        attempts = [data["attempt"] for kind, data in events if kind == "state"]
        assert attempts == sorted(attempts)
        lines = (self.journal.root / job / "events.jsonl").read_text().splitlines()
        journaled = [json.loads(line) for line in lines]
        fences = [line["fence"] for line in journaled if line["event"] == "claimed"]
        assert fences == sorted(set(fences))
        ends = [line["state"] for line in journaled if line["event"] == "end"]
        assert ends == [record["state"]]
        trained = Counter(data["epoch"] for kind, data in events if kind == "epoch")
        assert sum(trained.values()) - len(trained) <= epochs_redone, trained
        return record

    def logs(self) -> str:
        files = [*self.folder.glob("*.log"), *self.folder.glob("home/work/*/*.log")]
        return "\n".join(f"--- {file.name}\n{file.read_text()[-3000:]}" for file in files)

    def close(self) -> None:
        self.client.close()
        for process in self._processes:
            process.destroy()
        self.redis.stop()

    def _answers(self) -> bool:
        return self.client.get("/healthz/ready").status_code == 200


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path)
    yield yard
    yard.close()
