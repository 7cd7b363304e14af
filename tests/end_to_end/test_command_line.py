"""The day of a user at the command line, with all services running."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.timeout(240)


def test_from_a_request_to_a_prediction(shell: Any) -> None:
    trained = shell("train", shell.request("first"), "-o", "json")
    assert trained.returncode == 0, trained.stderr
    job = json.loads(trained.stdout)
    assert (job["state"], job["model"], job["version"]) == ("SUCCEEDED", "first", 1)
    assert "epoch 2/2" in trained.stderr
    assert "\x1b" not in trained.stderr  # no terminal, no escape codes

    Image.fromarray(np.zeros((8, 8), np.uint8)).save(shell.folder / "black.png")
    asked = shell("predict", "first", "black.png", "-o", "json", "--top", "2")
    assert asked.returncode == 0, asked.stderr  # served as soon as `train` has ended
    answer = json.loads(asked.stdout)
    assert answer["model"] == "first"
    assert answer["version"] == 1
    [result] = answer["results"]
    best, second = (scored["score"] for scored in result["classes"])
    assert 1 >= best >= second >= 0

    models = json.loads(shell("models", "list", "-o", "json").stdout)
    assert {"name": "first", "aliases": {"stable": 1}}.items() <= models[0].items()
    listed = [json.loads(line) for line in shell("jobs", "list", "-o", "jsonl").stdout.splitlines()]
    assert job["id"] in [known["id"] for known in listed]


def test_what_is_wrong_is_shown_where_it_stands(shell: Any) -> None:
    file = shell.folder / "wrong.yaml"
    file.write_text(
        Path(shell.folder / shell.request("wrong")).read_text().replace("epochs: 2", "epochs: 0")
    )
    before = shell("jobs", "list", "-o", "json").stdout

    refused = shell("train", "wrong.yaml")

    assert refused.returncode == 2
    line = 1 + [text.startswith("training") for text in file.read_text().splitlines()].index(True)
    assert f"wrong.yaml:{line}:20" in refused.stderr
    assert "training.epochs" in refused.stderr
    assert refused.stdout == ""
    assert shell("jobs", "list", "-o", "json").stdout == before


def test_a_file_beside_the_request_is_sent_first(shell: Any) -> None:
    rows = "\n".join(f"{x},{2 * x + 1}" for x in range(60))
    (shell.folder / "line.csv").write_text(f"x,y\n{rows}\n")
    (shell.folder / "line.yaml").write_text(
        "task: {type: tabular_regression, target: y}\n"
        "dataset: {type: csv, source: line.csv}\n"
        "network: {type: dense, units: [4]}\n"
        "training: {epochs: 1}\n"
        "publish: {model: line}\n"
    )
    trained = shell("train", "line.yaml", "-q", "-o", "json")
    assert trained.returncode == 0, trained.stderr
    assert trained.stderr == ""
    source = json.loads(trained.stdout)["request"]["dataset"]["source"]
    assert source.startswith("dataset://")

    asked = shell("predict", "line", '{"x": 3}', '{"x": 4}', "-o", "json")
    assert len(json.loads(asked.stdout)["values"]) == 2


def test_interrupting_the_watcher_leaves_the_job_alone(shell: Any) -> None:
    watcher = shell.start("train", shell.request("long", epochs=2000))
    said = []
    for line in watcher.stderr:
        said.append(line)
        if "epoch 1/2000" in line:
            break
    watcher.send_signal(signal.SIGINT)
    _, rest = watcher.communicate(timeout=20)
    assert watcher.returncode == 130
    assert "goes on" in rest
    job = said[0].split()[-1]
    assert json.loads(shell("jobs", "get", job, "-o", "json").stdout)["state"] == "RUNNING"

    assert shell("jobs", "wait", job, "--timeout", "0.2").returncode == 7
    assert shell("jobs", "cancel", job).returncode == 0
    assert shell("jobs", "watch", job).returncode == 8
    assert json.loads(shell("jobs", "get", job, "-o", "json").stdout)["state"] == "CANCELLED"


def test_the_same_key_makes_no_second_job(shell: Any) -> None:
    request = shell.request("keyed", epochs=1)
    first = shell("train", request, "-d", "--idempotency-key", "nightly").stdout
    second = shell("train", request, "-d", "--idempotency-key", "nightly").stdout
    assert first == second != ""
    other = shell.request("other", epochs=1)
    assert shell("train", other, "-d", "--idempotency-key", "nightly").returncode == 6


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("jobs", "get", "no-such-job"), 3),
        (("jobs", "watch", "no-such-job"), 3),
        (("models", "get", "no-such-model"), 3),
        (("predict", "no-such-model", "hello"), 3),
        (("predict", "no-such-model", "hello", "--task", "text_classification"), 3),
    ],
)
def test_what_is_not_there_is_said(shell: Any, arguments: tuple[str, ...], code: int) -> None:
    done = shell(*arguments)
    assert done.returncode == code, done.stderr
    assert "error[" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_up_finds_the_first(shell: Any) -> None:
    again = shell("up")
    assert again.returncode == 0
    assert "already running" in again.stderr


@pytest.mark.parametrize("service", ["jobs", "inference", "worker-0", "queue"])
def test_a_service_that_dies_is_started_again(shell: Any, service: str) -> None:
    before = state_of(shell, service)
    os.kill(before["pid"], signal.SIGKILL)

    deadline = time.monotonic() + 60
    while (now := state_of(shell, service))["pid"] == before["pid"] or not now["ready"]:
        assert time.monotonic() < deadline, now
        time.sleep(0.2)
    assert shell("jobs", "list").returncode == 0


def test_everybody_is_well(shell: Any) -> None:
    status = shell("status", "-o", "json")
    assert status.returncode == 0, status.stdout
    assert {state["service"] for state in json.loads(status.stdout)} == {
        "queue",
        "jobs",
        "inference",
        "worker-0",
    }


def state_of(shell: Any, service: str) -> dict[str, Any]:
    states = json.loads(shell("status", "-o", "json").stdout)
    state: dict[str, Any] = next(state for state in states if state["service"] == service)
    return state
