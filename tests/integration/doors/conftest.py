"""One real stack for all tests of the doors: every service as `modelyard up` starts it, and a small model per task."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx2
import psutil
import pytest
from google.rpc import error_details_pb2, status_pb2

from modelyard import Client
from modelyard.client import ApiError
from modelyard.reasons import REASONS

REQUESTS = {
    "digits": """\
name: digits
task: {type: image_classification}
dataset: {type: npz, source: "builtin://digits"}
network: {type: dense, units: [16]}
training: {epochs: 2, seed: 1}
publish: {model: digits, aliases: [stable]}
""",
    "sms": """\
name: sms
task: {type: text_classification}
dataset: {type: csv, source: "builtin://sms"}
network: {type: dense, units: [8]}
training: {epochs: 1, seed: 1}
publish: {model: sms, aliases: [stable]}
""",
    "airline": """\
name: airline
task: {type: forecasting, target: passengers, time: month, horizon: 12, season: 12}
dataset: {type: csv, source: "builtin://airline"}
network: {type: dense, units: [8]}
training: {epochs: 2, seed: 1, validation: {split: time, fraction: 0.2, test: 12}}
publish: {model: airline, aliases: [stable]}
""",
    "abalone": """\
name: abalone
task: {type: tabular_regression, target: rings}
dataset: {type: csv, source: "builtin://abalone"}
network: {type: dense, units: [8]}
training: {epochs: 1, seed: 1}
publish: {model: abalone, aliases: [stable]}
""",
}
# What docs/reference/errors.md promises of each code.
STATUS = {
    **{"INVALID_ARGUMENT": 400, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "ABORTED": 409},
    **{"FAILED_PRECONDITION": 409, "RESOURCE_EXHAUSTED": 429, "UNIMPLEMENTED": 501},
}
STATUS_OF_REASON = {"METHOD_NOT_ALLOWED": 405, "REQUEST_TOO_LARGE": 413, "HOST_NOT_ALLOWED": 421}
EXIT = {
    **{"INVALID_ARGUMENT": 2, "NOT_FOUND": 3, "UNAVAILABLE": 4, "ALREADY_EXISTS": 6, "ABORTED": 6},
    **{"FAILED_PRECONDITION": 1, "RESOURCE_EXHAUSTED": 1, "UNIMPLEMENTED": 1},
}


@dataclass(frozen=True)
class Refusal:
    """An error as one door shows it."""

    code: str
    reason: str
    fields: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Each violation as a person reads it."""


@dataclass
class Stack:
    """A folder whose `var` is a running stack, and the four doors to it."""

    folder: Path
    url: str
    grpc_address: str
    http: httpx2.Client
    channel: grpc.Channel
    client: Client
    seen: list[str] = field(default_factory=list)
    """The ids of the requests that were refused."""

    # The doors -----------------------------------------------------------------------------------

    def refused_http(self, method: str, path: str, **options: Any) -> Refusal:
        return self.problem(self.http.request(method, path, **options))

    def problem(self, answer: httpx2.Response) -> Refusal:
        """What a problem says; everything that its contract promises is checked here."""
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        said = answer.json()
        assert said["request_id"] == answer.headers["x-request-id"]
        assert said["status"] == answer.status_code
        expected = STATUS_OF_REASON.get(said["reason"], STATUS[said["code"]])
        assert answer.status_code == expected, said
        assert said["type"] == f"/errors/{said['reason']}"
        assert self.http.get(said["type"]).status_code == 200
        self.seen.append(said["request_id"])
        violations = said["violations"]
        return Refusal(
            said["code"],
            said["reason"],
            tuple(each["field"] for each in violations),
            tuple(map(in_words, violations)),
        )

    def problem_of(self, request: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = self.http.post("/v1/jobs", json=request).json()
        return body

    def refused_grpc(self, method: str, request: Any, answer: type[Any] | None = None) -> Refusal:
        """`request` is a message or bytes."""
        body = request if isinstance(request, bytes) else request.SerializeToString()
        call = self.channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            call(body, timeout=20)
        return self.status(caught.value)

    def status(self, error: Any) -> Refusal:
        metadata = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
        details = {type(each): each for each in map(_unpacked, status.details)}
        info = details[error_details_pb2.ErrorInfo]
        assert info.domain == "modelyard"
        link = details[error_details_pb2.Help].links[0].url
        assert link == f"{self.url}/errors/{info.reason}"
        request_id = details[error_details_pb2.RequestInfo].request_id
        assert metadata["x-request-id"] == request_id
        self.seen.append(request_id)
        bad = details.get(error_details_pb2.BadRequest, error_details_pb2.BadRequest())
        return Refusal(
            error.code().name,
            info.reason,
            tuple(each.field for each in bad.field_violations),
            tuple(f"{v.field}: {v.description}" for v in bad.field_violations),
        )

    def refused_sdk(self, call: Callable[[Client], Any]) -> Refusal:
        with pytest.raises(ApiError) as caught:
            call(self.client)
        error = caught.value
        return Refusal(
            error.code.value,
            error.reason,
            tuple(each.field for each in error.violations),
            tuple(str(each) for each in error.violations),
        )

    def refused_cli(self, *arguments: str) -> Refusal:
        """What a person sees on stderr, and a script by the exit code; nothing may be on stdout."""
        done = self.cli(*arguments)
        assert done.stdout == ""
        assert "\x1b" not in done.stderr
        (reason,) = re.findall(r"^error\[([A-Z_]+)\]: ", done.stderr, re.MULTILINE)
        codes = [
            code.value for code in REASONS[reason].codes if EXIT[code.value] == done.returncode
        ]
        assert codes, f"exit {done.returncode}: {done.stderr}"
        words = re.findall(r"([a-z_]+(?:[.\[][\w.\[\]]*)?): ", done.stderr)
        return Refusal(codes[0], reason, tuple(words), (done.stderr,))

    def cli(self, *arguments: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        known = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
        known["XDG_CONFIG_HOME"] = str(self.folder / "config")
        if url is not None:
            known["MODELYARD_URL"] = url
        return subprocess.run(
            [sys.executable, "-m", "modelyard.cli", *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=known,
            timeout=60,
        )

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name

    # The health of it ------------------------------------------------------------------------------

    @property
    def processes(self) -> dict[str, psutil.Process]:
        """The services; a worker's trainer comes and goes."""
        state = json.loads((self.folder / "var" / "run" / "stack.json").read_text())
        return {each["name"]: psutil.Process(each["pid"]) for each in state["services"]}

    def predict_something(self) -> tuple[Any, ...]:
        """One answer of each model."""
        image = Path(__file__).parents[3] / "examples" / "digits" / "seven.png"
        return (
            self.client.predict.classify_images("digits", [image]).results[0].top.score,
            self.client.predict.classify_texts("sms", ["win a prize"]).results[0].top.score,
            tuple(self.client.predict.forecast("airline", list(range(100, 172))).series[0]),
            self.client.predict.predict_values("abalone", [{"sex": "M", "length": 0.4}]).values,
        )


def in_words(violation: dict[str, str]) -> str:
    """As errors are written for people: docs/reference/errors.md."""
    text = f"{violation['field']}: {violation['message']}"
    expected, received = violation.get("expected"), violation.get("received")
    if expected is not None:
        tail = f", received {received})" if received is not None else ")"
        return f"{text} (expected {expected}{tail}"
    return text if received is None else f"{text} (received {received})"


def _unpacked(detail: Any) -> Any:
    kinds = ("ErrorInfo", "BadRequest", "Help", "RequestInfo", "RetryInfo")
    for kind in (getattr(error_details_pb2, name) for name in kinds):
        message = kind()
        if detail.Unpack(message):
            return message
    raise AssertionError(f"a detail that nobody promised: {detail.type_url}")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("doors")
    given = os.environ.get("DOORS_STACK")  # a stack that is there already, while one writes tests
    if given:
        folder = Path(given)
    else:
        _start(folder)
    state = json.loads((folder / "var" / "run" / "stack.json").read_text())
    with (
        httpx2.Client(base_url=state["url"], timeout=20) as http,
        grpc.insecure_channel(state["grpc"]) as channel,
        Client(state["url"], state["grpc"], retries=0) as client,
    ):
        stack = Stack(folder, state["url"], state["grpc"], http, channel, client)
        _train(stack)
        yield stack
    if not given:
        subprocess.run(_command("down"), cwd=folder, check=True, capture_output=True, timeout=120)


def _start(folder: Path) -> None:
    known = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
    done = subprocess.run(
        _command("up", "--detach"),
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "modelyard.cli", *arguments]


def _train(stack: Stack) -> None:
    there = {model.name for model in stack.client.models.list()}
    jobs = [stack.client.jobs.submit(text) for name, text in REQUESTS.items() if name not in there]
    for job in jobs:
        stack.client.jobs.wait(job.id, timeout=200).raise_for_state()
    deadline = time.monotonic() + 30
    while not all(stack.client.predict.serves(name) for name in REQUESTS):
        assert time.monotonic() < deadline, "a model was published and is not served"
        time.sleep(0.2)
