"""Checkpoints: whole or not there, and never those of something else."""

import numpy as np
import pytest

from modelyard.training.channel import LeaseLost
from modelyard.training.checkpoint import Checkpoint, Checkpoints, Position
from modelyard.training.stopping import Stopping


def granted():
    return {"granted": True}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoint"


@pytest.fixture
def checkpoints(folder):
    return Checkpoints(folder, request="abc", fence=1)


def at(epoch, step=0):
    position = Position(
        epoch=epoch,
        step=step,
        stopping=Stopping(best=0.1 + 0.2, best_epoch=1, waited=1),
        history=({"loss": 1 / 3},) * epoch,
    )
    return Checkpoint(position, {"model/0": np.float32([epoch, np.pi]), "model/1": np.uint32([7])})


def test_what_was_saved_is_read_to_the_last_bit(checkpoints):
    checkpoints.save(at(2, 5), ask_lease=granted)
    read, unusable = checkpoints.latest()
    assert unusable == []
    assert read.position == at(2, 5).position
    for name, array in at(2, 5).arrays.items():
        assert read.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(read.arrays[name], array)


def test_the_newest_is_used_and_one_more_is_kept(checkpoints, folder):
    for epoch, step in [(1, 0), (1, 7), (2, 0), (10, 0)]:
        checkpoints.save(at(epoch, step), ask_lease=granted)
    assert checkpoints.latest()[0].position.epoch == 10
    assert len(list(folder.iterdir())) == 2


def test_without_a_lease_nothing_appears(checkpoints, folder):
    def refused():
        raise LeaseLost("lease")

    with pytest.raises(LeaseLost):
        checkpoints.save(at(1), ask_lease=refused)
    assert list(folder.iterdir()) == []
    assert checkpoints.latest() == (None, [])


@pytest.mark.parametrize("file", ["state.json", "arrays.npz"])
@pytest.mark.parametrize("harm", ["cut", "change", "remove"])
def test_a_damaged_one_is_not_used(checkpoints, folder, file, harm):
    checkpoints.save(at(1), ask_lease=granted)
    checkpoints.save(at(2), ask_lease=granted)
    path = max(folder.iterdir()) / file
    data = path.read_bytes()
    match harm:
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "change":
            path.write_bytes(data[:10] + bytes([data[10] ^ 1]) + data[11:])
        case "remove":
            path.unlink()
    read, unusable = checkpoints.latest()
    assert read.position.epoch == 1
    assert len(unusable) == 1


def test_another_requests_checkpoint_is_not_used(checkpoints, folder):
    checkpoints.save(at(1), ask_lease=granted)
    other = Checkpoints(folder, request="xyz", fence=2)
    read, unusable = other.latest()
    assert read is None
    assert "another request" in unusable[0]
    assert other.position() is None


def test_what_dead_attempts_were_writing_is_swept(checkpoints, folder):
    (folder / ".tmp-1").mkdir()
    (folder / ".tmp-9").mkdir()
    Checkpoints(folder, request="abc", fence=2)
    assert [path.name for path in folder.iterdir()] == [".tmp-9"]
