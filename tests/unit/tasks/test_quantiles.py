"""Forecasts with quantiles: in order, around the forecast, and holding as many values as they say."""

import keras
import numpy as np
import pytest

from modelyard.errors import InvalidRequest
from modelyard.examples import Column, Examples, Schema
from modelyard.networks import Dense
from modelyard.recipe import Split, Training
from modelyard.spec import Head
from modelyard.tasks import Forecasting

LEVELS = (0.1, 0.5, 0.9)


def learned(noise, **task):
    """A wave with normal noise of a known deviation."""
    time = np.arange(len(noise))
    values = 20 + 3 * np.sin(time * np.pi / 6) + noise
    spec = Forecasting(target="y", horizon=2, season=12, quantiles=LEVELS, **task)
    return spec.learn(Examples({"y": values}), Split(test=0.3), 0)


def fitted(learning, epochs):
    keras.utils.set_random_seed(1)
    model = Dense(units=(16,)).build(learning.features, learning.head)
    training = Training.model_validate({"optimizer": {"type": "adam", "learning_rate": 0.005}})
    model.compile(
        training.optimizer.keras(1), training.loss_for(learning.head).keras(learning.head)
    )
    model.fit(*learning.arrays("train"), epochs=epochs, batch_size=64, verbose=0)
    return model


def test_the_head_has_every_quantile_of_every_step():
    spec = Forecasting(target="y", horizon=2, quantiles=LEVELS)

    assert spec.head(Schema({"y": Column("number")})) == Head(6, "linear", LEVELS)


def test_intervals_hold_the_share_that_they_say():
    learning = learned(np.random.default_rng(5).normal(0, 1, 3000))

    found = learning.evaluate(fitted(learning, epochs=30)).metrics

    assert found["coverage_wanted"] == pytest.approx(0.8)
    assert found["coverage"] == pytest.approx(0.8, abs=0.06)
    # The pinball loss of the true quantiles of a normal distribution: its density at each of them, averaged.
    best = (2 * np.exp(-(1.2816**2) / 2) + 1) / np.sqrt(2 * np.pi) / 3
    assert best * 0.95 < found["pinball"] < best * 1.25


def test_quantiles_are_answered_in_order_around_the_forecast():
    learning = learned(np.random.default_rng(5).normal(0, 1, 200))
    model = fitted(learning, epochs=1)  # as good as random: its own answers are in no order

    (inputs,) = learning.golden(8).values()
    answer = learning.answer(model, "serving_default", inputs)

    assert answer["quantiles"].shape == (8, 2, 3)
    assert (np.diff(answer["quantiles"], axis=-1) >= 0).all()
    np.testing.assert_array_equal(answer["forecast"], answer["quantiles"][..., 1])


@pytest.mark.parametrize("quantiles", [(0.9, 0.5, 0.1), (0.5, 0.5), (0.1, 0.9)])
def test_quantiles_that_are_out_of_order_or_have_no_middle(quantiles):
    spec = Forecasting(target="y", horizon=2, quantiles=quantiles)

    with pytest.raises(InvalidRequest, match=r"task\.quantiles: must be in order"):
        spec.features(Schema({"y": Column("number")}))
