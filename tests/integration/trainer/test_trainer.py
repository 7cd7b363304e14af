"""An attempt from the outside: what it tells, how it ends, what it leaves behind."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.model_store import GOLDEN, WARMUP
from modelyard.runtimes import records


def wait_for(happens):
    give_up = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def violations(trainer):
    (failed,) = trainer.named("failed")
    return [violation["field"] for violation in failed["violations"]]


def reason(trainer):
    (failed,) = trainer.named("failed")
    return failed["reason"]


@pytest.fixture
def upload(home):
    def upload(content, name):
        return f"dataset://{DatasetStore(home / 'datasets').put(io.BytesIO(content), name=name)}"

    return upload


def test_a_request_becomes_a_verified_version(start, digits, models):
    trainer = start(digits())
    assert trainer.exits() == 0, trainer.told

    assert [event["state"] for event in trainer.named("state")] == ["VALIDATING", "RUNNING"]
    assert [event["epoch"] for event in trainer.named("epoch")] == [1, 2, 3]
    assert trainer.named("epoch")[0]["logs"].keys() == {
        "loss", "accuracy", "val_loss", "val_accuracy"
    }  # fmt: skip
    assert [event["epoch"] for event in trainer.named("checkpoint")] == [1, 2, 3]
    order = [event.get("ask") or event["event"] for event in trainer.events]
    assert order[-4:] == ["result", "version", "publish", "published"]

    (result,) = trainer.named("result")
    assert result["metrics"]["accuracy"] > 0.5
    assert result["baseline"]["accuracy"] < 0.2
    manifest = models.manifest("digits", 1)
    assert manifest.metrics == result["metrics"]
    assert manifest.lineage.job == "a-job"
    assert manifest.lineage.fence == 1
    assert manifest.signatures["serving_default"].inputs["image"].dtype == "string"
    assert manifest.signatures["arrays"].outputs["scores"].shape == (-1, 10)
    assert models.damage("digits", 1) == []


def test_probabilities_are_calibrated_in_the_graph(start, digits, models, tmp_path):
    """Three epochs leave a network unsure of what it knows; the temperature makes it surer, and changes no answer."""
    plain = digits(calibrate=False) | {"publish": {"model": "plain"}}
    (tmp_path / "plain").mkdir()
    uncalibrated = start(plain, at=tmp_path / "plain")
    assert uncalibrated.exits() == 0, uncalibrated.told
    calibrated = start(digits())
    assert calibrated.exits() == 0, calibrated.told

    (before,), (after,) = uncalibrated.named("result"), calibrated.named("result")
    assert after["metrics"]["accuracy"] == before["metrics"]["accuracy"]
    told = after["metrics"]["calibration_error_before"]
    assert told == pytest.approx(before["metrics"]["calibration_error"], abs=1e-5)
    assert after["metrics"]["calibration_error"] < told
    assert after["metrics"]["cross_entropy"] < before["metrics"]["cross_entropy"]
    assert "temperature" not in before["metrics"]
    # What is served is what was measured: the golden answers are as sure as the temperature makes them.
    (golden,) = (
        record
        for record in records.read(models.path("digits", 1) / GOLDEN)
        if record.signature == "arrays"
    )
    (other,) = (
        record
        for record in records.read(tmp_path / "plain" / "models" / "plain" / "1" / GOLDEN)
        if record.signature == "arrays"
    )
    powers = other.outputs["scores"].astype(float) ** (1 / after["metrics"]["temperature"])
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(golden.outputs["scores"], expected, rtol=1e-3, atol=1e-5)


def test_golden_and_warmup_hold_every_signature(start, digits, models):
    assert start(digits()).exits() == 0
    path = models.path("digits", 1)
    golden = {record.signature: record for record in records.read(path / GOLDEN)}
    assert golden.keys() == {"serving_default", "arrays"}
    assert len(golden["arrays"].inputs["image"]) == 32
    np.testing.assert_allclose(golden["arrays"].outputs["scores"].sum(axis=1), 1, rtol=1e-5)
    warmup = [(r.signature, len(r.inputs["image"])) for r in records.read(path / WARMUP)]
    sizes = [1, 2, 4, 8, 16, 32, 64]
    assert sorted(warmup) == sorted((s, n) for s in golden for n in sizes)


def test_without_golden_no_example_of_the_user_is_published(start, digits, models):
    trainer = start(digits(), keep_golden=False)
    assert trainer.exits() == 0, trainer.told
    path = models.path("digits", 1)
    assert not (path / GOLDEN).exists()
    assert models.damage("digits", 1) == []
    for record in records.read(path / WARMUP):
        assert len(set(record.inputs["image"].ravel().tolist())) == 1


def test_sigterm_before_training_exits_at_once(start, digits):
    trainer = start(digits())
    trainer.until("state", state="VALIDATING")
    trainer.tell(signal.SIGTERM)
    assert trainer.exits() == 75, trainer.told
    assert not trainer.named("result")


def test_a_loss_that_is_not_finite_fails_within_a_step(start, digits, models):
    request = digits(
        epochs=50, optimizer={"type": "sgd", "learning_rate": 1e30}, loss="cross_entropy"
    )
    trainer = start(request)
    assert trainer.exits() == 70, trainer.told
    assert reason(trainer) == "NAN_LOSS"
    message = trainer.named("failed")[0]["message"]
    # The first step ruins the weights, the second sees it.
    assert re.match(r"the loss is (nan|inf) at step [12] of epoch 1; no checkpoint", message)
    assert not trainer.named("checkpoint")
    assert models.names() == []


@pytest.mark.parametrize(
    "row",
    [
        "1.5,1,7",  # more fields than the header
        ",1",  # nothing to learn from
    ],
)
def test_bad_data_fails_before_training_and_names_the_rows(start, upload, models, row):
    rows = [f"{hour / 10},{hour % 2}" for hour in range(60)]
    rows[20] = row
    source = upload("\n".join(["x,y", *rows]).encode(), "hours.csv")
    trainer = start(
        {
            "task": {"type": "tabular_regression", "target": "x", "columns": ["y"]},
            "dataset": {"type": "csv", "source": source},
            "network": {"type": "dense"},
            "publish": {"model": "hours"},
        }
    )
    assert trainer.exits() == 65, trainer.told
    assert reason(trainer) == "BAD_DATA"
    assert "hours.csv:22" in violations(trainer)
    assert trainer.named("state") == [{"event": "state", "state": "VALIDATING"}]
    assert models.names() == []


def test_an_upload_that_changed_is_bad_data(start, digits, upload, home):
    source = upload(b"image,label\n1,2\n", "digits.csv")
    DatasetStore(home / "datasets").path(source.removeprefix("dataset://")).write_bytes(b"x,y\n")
    request = digits() | {"dataset": {"type": "csv", "source": source}}
    trainer = start(request)
    assert trainer.exits() == 65, trainer.told
    assert violations(trainer) == ["dataset.source"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"network": {"type": "rnn"}}, "network.type"),
        ({"dataset": {"type": "npz", "source": f"dataset://{'0' * 64}"}}, "dataset.source"),
    ],
)
def test_what_cannot_be_right_is_a_bad_spec(start, digits, change, field):
    trainer = start(digits() | change)
    assert trainer.exits() == 78, trainer.told
    assert reason(trainer) == "BAD_SPEC"
    assert violations(trainer) == [field]


def test_a_refused_lease_writes_nothing_more(start, digits, home, models):
    trainer = start(digits(), refuse=("lease",))
    assert trainer.exits() == 75, trainer.told
    assert not trainer.named("failed")
    assert list((home / "work/checkpoint").iterdir()) == []
    assert models.names() == []


def test_a_refused_publish_stays_invisible(start, digits, models):
    trainer = start(digits(), refuse=("publish",))
    assert trainer.exits() == 75, trainer.told
    assert models.names() == []


def test_the_trainer_dies_when_its_input_closes(start, digits, is_gone):
    trainer = start(digits(epochs=100_000))
    trainer.until("checkpoint", epoch=1)
    trainer.forget()
    assert is_gone(trainer.process.pid)
    assert not trainer.named("failed")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_the_trainer_dies_with_a_worker_that_leaves_its_pipes_open(start, digits, home, is_gone):
    # The first attempt only writes the attempt's file.
    first = start(digits(epochs=100_000))
    first.tell(signal.SIGKILL)
    first.exits()
    worker = (
        "import os, signal, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'modelyard.training.trainer', sys.argv[1]],"
        " stdin=int(sys.argv[2]), stdout=int(sys.argv[3]))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    stdin, ours = os.pipe()
    theirs, stdout = os.pipe()
    dying = subprocess.run(
        [sys.executable, "-c", worker, str(home / "attempt-1.json"), str(stdin), str(stdout)],
        pass_fds=(stdin, stdout), capture_output=True, text=True,
    )  # fmt: skip
    assert dying.returncode == -signal.SIGKILL
    assert is_gone(int(dying.stdout))
    for pipe in (stdin, ours, theirs, stdout):
        os.close(pipe)


def other_weights(staged):
    weights = staged / "variables/variables.data-00000-of-00001"
    size = weights.stat().st_size
    with open(weights, "r+b") as file:
        file.seek(size // 4)
        file.write(np.full(size // 8, 0.5, np.float32).tobytes())


def other_answers(staged):
    """The model is whole, but training computed something else by more than the tolerance."""
    golden = list(records.read(staged / GOLDEN))
    for record in golden:
        record.outputs["scores"] = record.outputs["scores"] + np.float32(0.001)
    records.write(staged / GOLDEN, "digits", 1, golden)


def no_golden(staged):
    records.write(staged / GOLDEN, "digits", 1, [])


def bad_warmup(staged):
    text = np.array([b"no image"], object)
    warmup = [records.Record("serving_default", {"image": text}, {})]
    records.write(staged / WARMUP, "digits", 1, warmup)


@pytest.mark.parametrize("harm", [other_weights, other_answers, no_golden, bad_warmup])
def test_a_model_that_is_not_what_was_trained_is_never_published(start, digits, models, home, harm):
    trainer = start(digits(), MODELYARD_FAULT=f"publish.before_verify:stop:{home / 'once'}")
    wait_for((home / "once").exists)
    (staged,) = (home / "models/.staging").iterdir()
    harm(staged)
    trainer.tell(signal.SIGCONT)
    assert trainer.exits() == 72, trainer.told
    assert reason(trainer) == "UNVERIFIED"
    assert models.versions("digits") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_full_disk_leaves_the_last_checkpoint(start, digits, home, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", disk])
    if mounted.returncode:
        pytest.skip("needs root: mount is not permitted")
    try:
        (home / "work").symlink_to(disk)
        # About 500 kB a checkpoint: there is room for one.
        trainer = start(digits() | {"network": {"type": "dense", "units": [480]}})
        assert trainer.exits() == 74, trainer.told
        assert reason(trainer) == "DISK_FULL"
        assert [event["epoch"] for event in trainer.named("checkpoint")] == [1]
        kept = [path.name.partition("-")[0] for path in (home / "work/checkpoint").iterdir()]
        assert kept == ["000001"]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_gpu_that_is_not_there_is_said_so(start, digits):
    trainer = start(digits() | {"resources": {"device": "gpu"}})
    assert trainer.exits() == 0, trainer.told
    assert "using the CPU" in trainer.named("warning")[0]["message"]


def test_an_unreadable_attempt_ends_the_process(tmp_path):
    file = tmp_path / "attempt.json"
    file.write_text(json.dumps({"job": "x"}))
    with subprocess.Popen(
        [sys.executable, "-m", "modelyard.training.trainer", str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as trainer:
        assert trainer.stdout is not None
        failed = json.loads(trainer.stdout.readline())
        assert trainer.wait(60) == 71
    assert failed["reason"] == "INTERNAL"
