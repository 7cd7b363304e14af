"""Schedules are the formulas of the textbooks, in epochs; expected values are worked out by hand."""

import keras
import pytest

from modelyard.recipe import Training
from modelyard.recipe.optimizers import SGD

STEPS = 4
"""Batches of an epoch."""


def rate(schedule, epoch, *, accumulate=1):
    """What the optimizer learns with after so many epochs."""
    optimizer = SGD(learning_rate=schedule, accumulate=accumulate).keras(STEPS)
    optimizer.build([keras.Variable([0.0])])
    optimizer._iterations.assign(round(epoch * STEPS))
    return float(optimizer.learning_rate)


@pytest.mark.parametrize(
    ("schedule", "epoch", "expected"),
    [
        (0.5, 7, 0.5),
        ({"type": "constant", "start": 0.5}, 7, 0.5),
        # halved after every ten epochs
        ({"type": "step", "start": 0.8}, 9.75, 0.8),
        ({"type": "step", "start": 0.8}, 10, 0.4),
        ({"type": "step", "start": 0.8, "factor": 0.1, "every": 2}, 5, 0.008),
        # half way to a half is the square root of a half
        ({"type": "exponential", "start": 1.0, "factor": 0.5, "every": 4}, 2, 0.70710678),
        ({"type": "exponential", "start": 1.0, "factor": 0.25, "every": 1}, 2, 0.0625),
        # a third of half a wave: cos 60° is 1/2, so three quarters are left
        ({"type": "cosine", "start": 1.0, "epochs": 6}, 2, 0.75),
        ({"type": "cosine", "start": 1.0, "epochs": 6, "end": 0.2}, 3, 0.6),
        ({"type": "cosine", "start": 1.0, "epochs": 6, "end": 0.2}, 60, 0.2),
        ({"type": "polynomial", "start": 1.0, "epochs": 4}, 1, 0.75),
        ({"type": "polynomial", "start": 1.0, "epochs": 4, "power": 2}, 3, 0.0625),
        ({"type": "polynomial", "start": 1.0, "epochs": 4, "end": 0.1}, 9, 0.1),
        # four batches of warm-up in two epochs of four: the first learns with an eighth
        ({"type": "constant", "start": 0.8, "warmup": 2}, 0, 0.1),
        ({"type": "constant", "start": 0.8, "warmup": 2}, 1.75, 0.8),
        # the formula begins where the warm-up ends
        ({"type": "cosine", "start": 1.0, "epochs": 6, "warmup": 3}, 3, 1.0),
        ({"type": "cosine", "start": 1.0, "epochs": 6, "warmup": 3}, 5, 0.75),
        ({"type": "on_plateau", "start": 0.3}, 7, 0.3),
    ],
)
def test_the_rate_at_an_epoch(schedule, epoch, expected):
    assert rate(schedule, epoch) == pytest.approx(expected, rel=1e-5)


def test_accumulated_batches_are_batches_of_the_epoch():
    schedule = {"type": "polynomial", "start": 1.0, "epochs": 4}

    assert rate(schedule, 2, accumulate=2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("schedule", "where"),
    [
        ({"type": "cosine", "start": 0.1}, "epochs"),
        ({"type": "step", "start": 0.1, "factor": 2}, "factor"),
        ({"type": "constant", "start": 0}, "start"),
        ({"type": "on_plateau", "start": 0.1, "monitor": "luck"}, "monitor"),
        ({"type": "exponential", "start": 0.1, "warmup": -1}, "warmup"),
    ],
)
def test_what_is_wrong_is_named(schedule, where):
    with pytest.raises(ValueError, match=rf"learning_rate\.schedule\.\w+\.{where}\n"):
        Training.model_validate({"optimizer": {"type": "sgd", "learning_rate": schedule}})


def test_a_rate_below_zero_is_one_error():
    with pytest.raises(ValueError, match="1 validation error"):
        Training.model_validate({"optimizer": {"type": "sgd", "learning_rate": -1}})
