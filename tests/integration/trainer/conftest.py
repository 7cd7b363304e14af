"""A worker as the trainer sees one: two pipes, answers to questions, and signals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.job import JobRequest
from modelyard.model_store import ModelStore
from modelyard.training.attempt import Attempt

Event = dict[str, Any]
SECONDS = 60


class Trainer:
    """One attempt by the real process. `refuse` names the questions that are answered no."""

    def __init__(
        self,
        home: Path,
        request: Event,
        *,
        fence: int,
        refuse: tuple[str, ...],
        env: dict[str, str],
        keep_golden: bool,
    ) -> None:
        attempt = Attempt(
            job="a-job",
            fence=fence,
            request=JobRequest.model_validate(request),
            models=home / "models",
            datasets=home / "datasets",
            work=home / "work",
            keep_golden=keep_golden,
        )
        attempt.work.mkdir(exist_ok=True)
        file = home / f"attempt-{fence}.json"
        file.write_text(attempt.model_dump_json())
        self.log = file.with_suffix(".log")
        self.events: list[Event] = []
        self._refuse = refuse
        self._changed = threading.Condition()
        self._ended = False
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "modelyard.training.trainer", str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | env,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, event: str, **wanted: Any) -> Event:
        """Waits for an event, or a question, with these values."""

        def find() -> Event | None:
            for seen in self.events:
                name = seen.get("event") or seen.get("ask")
                if name == event and wanted.items() <= seen.items():
                    return seen
            return None

        with self._changed:
            self._changed.wait_for(lambda: find() or self._ended, SECONDS)
        found = find()
        assert found is not None, f"no {event} {wanted}: {self.told}"
        return found

    def exits(self) -> int:
        """The exit code."""
        code = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return code

    def tell(self, sig: signal.Signals) -> None:
        self.process.send_signal(sig)

    def forget(self) -> None:
        """What the trainer sees of a worker that dies."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def named(self, event: str) -> list[Event]:
        return [seen for seen in self.events if seen.get("event") == event]

    @property
    def told(self) -> str:
        return f"{self.events} {self.log.read_text()[-3000:]}"

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            with self._changed:
                self.events.append(event)
                self._changed.notify_all()
            if "ask" in event:
                self._answer(event)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _answer(self, event: Event) -> None:
        answer: Event = {"granted": event["ask"] not in self._refuse}
        if event["ask"] == "version":
            answer["version"] = 1
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(answer).encode() + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # it was killed, or forgotten, between question and answer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def models(home: Path) -> ModelStore:
    return ModelStore(home / "models")


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Trainer]]:
    started: list[Trainer] = []

    def start(
        request: Event,
        *,
        fence: int = 1,
        refuse: tuple[str, ...] = (),
        at: Path = home,
        keep_golden: bool = True,
        **env: str,
    ) -> Trainer:
        trainer = Trainer(at, request, fence=fence, refuse=refuse, env=env, keep_golden=keep_golden)
        started.append(trainer)
        return trainer

    yield start
    for trainer in started:
        if trainer.process.poll() is None:
            os.killpg(trainer.process.pid, signal.SIGKILL)
        trainer.process.wait()
        assert trainer.process.stdin is not None
        assert trainer.process.stdout is not None
        trainer._reader.join(SECONDS)
        with contextlib.suppress(BrokenPipeError):
            trainer.process.stdin.close()
        trainer.process.stdout.close()


@pytest.fixture
def digits() -> Callable[..., Event]:
    """A small real job; `training` is merged into it."""

    def digits(**training: Any) -> Event:
        return {
            "task": {"type": "image_classification"},
            "dataset": {"type": "npz", "source": "builtin://digits"},
            "network": {"type": "dense", "units": [32], "dropout": 0.3},
            "training": {"epochs": 3, "seed": 3, "deterministic": True, **training},
            "publish": {"model": "digits"},
        }

    return digits


@pytest.fixture
def trained(home: Path) -> Callable[..., tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]]:
    """The position and the arrays of the newest checkpoint."""

    def trained(at: Path = home) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
        newest = max((at / "work" / "checkpoint").glob("[0-9]*"))
        with np.load(newest / "arrays.npz", allow_pickle=False) as arrays:
            position = json.loads((newest / "state.json").read_bytes())["position"]
            return position, {name: arrays[name] for name in arrays.files}

    return trained


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Whether a process ends within a few seconds; one that nobody has waited for counts as ended."""

    def is_gone(pid: int) -> bool:
        for _ in range(100):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except FileNotFoundError:
                return True
            if stat.rpartition(")")[2].split()[0] == "Z":
                return True
            time.sleep(0.05)
        return False

    return is_gone
