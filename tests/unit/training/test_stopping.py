"""When training ends early: the textbook rule, over whole histories."""

import pytest

from modelyard.recipe import EarlyStopping
from modelyard.training.stopping import Stopping

NAN = float("nan")


def run(rule, values):
    """The epoch after which it stops, if it does, and the best epoch."""
    stopping = Stopping()
    for epoch, value in enumerate(values, start=1):
        stopping = stopping.after(rule, epoch, value)
        if stopping.is_over(rule):
            return epoch, stopping.best_epoch
    return None, stopping.best_epoch


@pytest.mark.parametrize(
    ("rule", "values", "stops", "best"),
    [
        # Never worse for two epochs in a row.
        (EarlyStopping(patience=2), [5, 4, 4.5, 3, 3.5, 2], None, 6),
        (EarlyStopping(patience=2), [5, 4, 4, 4.1, 1], 4, 2),
        # Too small an improvement is none.
        (EarlyStopping(patience=2, min_delta=0.5), [5, 4.8, 4.6, 1], 3, 1),
        # Accuracy is better when it is higher.
        (EarlyStopping(patience=1, monitor="val_accuracy"), [0.5, 0.6, 0.6], 3, 2),
        # A first value that is not a number is not the best one.
        (EarlyStopping(patience=3), [NAN, 2, 3], None, 2),
    ],
)
def test_rule(rule, values, stops, best):
    assert run(rule, values) == (stops, best)


def test_it_survives_a_checkpoint():
    stopping = Stopping(best=1 / 3, best_epoch=4, waited=2)
    assert Stopping.model_validate_json(stopping.model_dump_json()) == stopping
