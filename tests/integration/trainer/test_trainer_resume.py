"""What an interrupted attempt began, the next one ends as if nothing had happened: to the last bit."""

import json
import signal
import time

import numpy as np
import pytest

STOPS_EARLY = {
    "epochs": 30,
    "early_stopping": {"monitor": "val_loss", "patience": 2, "min_delta": 0.1},
}

PACED = {
    "epochs": 8,
    "batch_size": 64,
    # 20 batches of an epoch: seven steps of three, the last of which takes one batch of the next
    "optimizer": {
        "type": "sgd",
        "momentum": 0.9,
        "accumulate": 3,
        "clip_norm": 1,
        "learning_rate": {
            "type": "on_plateau",
            "start": 0.2,
            "patience": 1,
            "min_delta": 0.05,
            "lowest": 0.01,
        },
    },
    "class_weights": "balanced",
}
SCHEDULED = {
    "epochs": 4,
    "batch_size": 64,
    "optimizer": {
        "type": "nadam",
        "accumulate": 3,
        "learning_rate": {"type": "cosine", "start": 0.01, "epochs": 3, "warmup": 1},
    },
}


def assert_same(one, other):
    (position, arrays), (other_position, other_arrays) = one, other
    assert position == other_position
    assert arrays.keys() == other_arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, other_arrays[name], err_msg=name)


@pytest.fixture
def slow(digits):
    """Epochs of a second and more, also on a fast machine, to be interrupted in the middle of."""
    network = {"type": "cnn", "filters": [64, 96], "units": [128], "dropout": 0.3}
    return digits(batch_size=1, epochs=3) | {"network": network}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("undisturbed"), {}


@pytest.fixture
def undisturbed(start, trained, runs):
    """What a request gives if nothing happens; each is trained once."""
    root, done = runs

    def undisturbed(request):
        key = json.dumps(request)
        if key not in done:
            home = root / str(len(done))
            home.mkdir()
            trainer = start(request, at=home)
            assert trainer.exits() == 0, trainer.told
            done[key] = trained(home)
        return done[key]

    return undisturbed


def test_sigterm_in_the_middle_of_an_epoch(start, slow, trained, undisturbed):
    first = start(slow)
    first.until("checkpoint", epoch=1)
    time.sleep(0.3)  # into the next epoch
    first.tell(signal.SIGTERM)
    assert first.exits() == 75, first.told
    position, _ = trained()
    assert position["epoch"] == 1
    assert 0 < position["step"] < 1257
    assert not first.named("result")

    second = start(slow, fence=2)
    assert second.exits() == 0, second.told
    assert [event["epoch"] for event in second.named("epoch")] == [2, 3]
    assert_same(trained(), undisturbed(slow))


def test_kill_at_an_epoch_with_dropout_shuffle_and_early_stopping(
    start, digits, trained, undisturbed
):
    expected = undisturbed(digits(**STOPS_EARLY))
    epochs = expected[0]["epoch"]
    assert epochs < 30
    assert any(name.startswith("best/") for name in expected[1])

    first = start(digits(**STOPS_EARLY))
    # Within the patience: what is waited for must not be waited for again.
    first.until("checkpoint", epoch=epochs - 1)
    first.tell(signal.SIGKILL)
    assert first.exits() == -signal.SIGKILL
    second = start(digits(**STOPS_EARLY), fence=2)
    assert second.exits() == 0, second.told
    assert_same(trained(), expected)


@pytest.mark.parametrize(
    ("training", "task", "epoch"),
    [
        (PACED, {}, 5),
        (SCHEDULED, {"augmentation": {"flip": "horizontal", "rotation": 9, "noise": 0.1}}, 2),
    ],
)
def test_kill_in_a_schedule_with_gradients_accumulated(
    start, digits, trained, undisturbed, training, task, epoch
):
    request = digits(**training)
    request["task"] |= task
    expected = undisturbed(request)

    first = start(request)
    first.until("checkpoint", epoch=epoch)
    first.tell(signal.SIGKILL)
    assert first.exits() == -signal.SIGKILL
    second = start(request, fence=2)
    assert second.exits() == 0, second.told

    assert second.named("epoch")[0]["epoch"] > 1
    assert_same(trained(), expected)


def test_kill_right_before_a_checkpoint_appears(start, digits, trained, undisturbed, tmp_path):
    fault = f"checkpoint.before_rename:kill:{tmp_path / 'once'}"
    first = start(digits(), MODELYARD_FAULT=fault)
    assert first.exits() == -signal.SIGKILL
    second = start(digits(), fence=2, MODELYARD_FAULT=fault)
    assert second.exits() == 0, second.told
    assert [event["epoch"] for event in second.named("epoch")] == [1, 2, 3]
    assert not list((tmp_path / "work/checkpoint").glob(".tmp*"))
    assert_same(trained(), undisturbed(digits()))


def test_a_corrupt_checkpoint_falls_back_to_the_one_before(
    start, digits, home, trained, undisturbed
):
    first = start(digits())
    first.until("checkpoint", epoch=2)
    first.tell(signal.SIGKILL)
    first.exits()
    newest = max((home / "work/checkpoint").glob("[0-9]*"))
    with open(newest / "arrays.npz", "r+b") as arrays:
        arrays.seek(1000)
        arrays.write(b"\xff" * 8)

    second = start(digits(), fence=2)
    assert second.exits() == 0, second.told
    assert "do not match their digest" in second.named("warning")[0]["message"]
    assert_same(trained(), undisturbed(digits()))


def test_killed_between_rename_and_report_only_reports(start, digits, models, tmp_path):
    fault = f"publish.after_rename:kill:{tmp_path / 'once'}"
    first = start(digits(), MODELYARD_FAULT=fault)
    assert first.exits() == -signal.SIGKILL
    assert models.versions("digits") == [1]
    before = models.manifest("digits", 1)

    second = start(digits(), fence=2)
    assert second.exits() == 0, second.told
    assert second.named("published") == [{"event": "published", "model": "digits", "version": 1}]
    assert second.named("result")[0]["metrics"] == before.metrics
    assert not second.named("state")
    assert models.manifest("digits", 1) == before


def test_killed_right_before_the_rename_publishes_again(start, digits, models, tmp_path):
    fault = f"publish.before_rename:kill:{tmp_path / 'once'}"
    first = start(digits(), MODELYARD_FAULT=fault)
    assert first.exits() == -signal.SIGKILL
    assert models.versions("digits") == []

    second = start(digits(), fence=2, MODELYARD_FAULT=fault)
    assert second.exits() == 0, second.told
    assert not second.named("epoch")
    assert models.versions("digits") == [1]
    assert models.damage("digits", 1) == []
    assert not list((tmp_path / "models/.staging").iterdir())
