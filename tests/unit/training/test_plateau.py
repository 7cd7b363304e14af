"""When the learning rate falls: as Keras' own ReduceLROnPlateau does it, and by hand."""

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.recipe import OnPlateau
from modelyard.training.plateau import Plateau, lower


def rates(rule, values):
    """The rate after each epoch."""
    plateau, rate, found = Plateau(), rule.start, []
    for value in values:
        plateau = plateau.after(rule, value)
        rate = lower(rule, rate) if plateau.fell else rate
        found.append(rate)
    return found


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        # 3 and 4 are no better than 2: after the second of them the rate falls, and again
        ({"patience": 2}, [5, 2, 3, 4, 4, 4], [0.8, 0.8, 0.8, 0.4, 0.4, 0.2]),
        ({"patience": 1, "factor": 0.1, "lowest": 0.05}, [5, 5, 5], [0.8, 0.08, 0.05]),
        ({"patience": 1, "min_delta": 0.5}, [5, 4.8, 4.4], [0.8, 0.4, 0.4]),
        ({"patience": 1, "monitor": "val_accuracy"}, [0.5, 0.6, 0.6], [0.8, 0.8, 0.4]),
        # a floor above the start raises nothing
        ({"patience": 1, "lowest": 1}, [5, 5], [0.8, 0.8]),
    ],
)
def test_by_hand(rule, values, expected):
    assert rates(OnPlateau(start=0.8, **rule), values) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")  # Keras' own, of NumPy 2
@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 5).map(float), min_size=1, max_size=20),
    st.integers(1, 3),
)
def test_as_keras_does_it(values, patience):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0))
    theirs = keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.5, patience=patience, min_delta=0, min_lr=0
    )
    theirs.set_model(model)
    theirs.on_train_begin()
    expected = []
    for epoch, value in enumerate(values):
        theirs.on_epoch_end(epoch, {"val_loss": value})
        expected.append(float(model.optimizer.learning_rate))

    assert rates(OnPlateau(start=1.0, factor=0.5, patience=patience), values) == expected
