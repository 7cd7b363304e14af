"""What a network sees of a series, and that it never sees the future."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from modelyard.errors import BadData, InvalidRequest
from modelyard.examples import Examples
from modelyard.recipe import Split
from modelyard.tasks import Forecasting
from modelyard.tasks.forecasting.keras import ForecastLearning

SPLIT = Split(fraction=0.2, test=0.2)
MONTHS = np.arange(120)
GROWTH = 100 * 1.01**MONTHS * (1 + 0.3 * np.sin(MONTHS * np.pi / 6))


def learned(values: Any, split: Split = SPLIT, **fields: Any) -> ForecastLearning:
    task = Forecasting(**{"target": "y", "horizon": 12, "season": 12, **fields})
    columns = {"y": np.asarray(values, float), "x": np.arange(len(values), dtype=float)}
    return ForecastLearning.of(task, Examples(columns, "y.csv"), split, seed=0)


def silent(learning: ForecastLearning) -> keras.Model:
    """A network that answers zeros."""
    return keras.Sequential(
        [
            keras.Input(learning.features.shape),
            keras.layers.Flatten(),
            keras.layers.Dense(learning.head.units, kernel_initializer="zeros"),
        ]
    )


def forecast(learning: ForecastLearning, history: Any) -> list[float]:
    inputs = {"history": np.asarray(history, np.float32)[np.newaxis, :, np.newaxis]}
    answer = learning.answer(silent(learning), "serving_default", inputs)["forecast"][0]
    values: list[float] = answer.tolist()
    return values


def test_growth_and_season_go_on_without_a_network() -> None:
    learning = learned(GROWTH)

    expected = GROWTH[96:108]

    assert forecast(learning, GROWTH[:96]) == pytest.approx(expected, rel=0.01)
    # at a level that was never seen before, too
    assert forecast(learning, 50 * GROWTH[:96]) == pytest.approx(50 * expected, rel=0.01)


def test_seasons_beyond_the_first() -> None:
    learning = learned(GROWTH, horizon=18)

    assert forecast(learning, GROWTH[:96]) == pytest.approx(GROWTH[96:114], rel=0.02)


def test_a_straight_line_goes_on() -> None:
    learning = learned(3 - 2 * MONTHS, season=1, horizon=5)

    assert forecast(learning, 3 - 2 * MONTHS[:40]) == pytest.approx([-77, -79, -81, -83, -85])


def test_a_constant_stays() -> None:
    assert forecast(learned(np.full(120, 7.0)), np.full(24, 7.0)) == pytest.approx([7.0] * 12)


def test_values_without_a_logarithm_are_answered_finitely() -> None:
    assert np.isfinite(forecast(learned(GROWTH), np.zeros(24))).all()


def test_only_the_window_is_looked_at() -> None:
    learning = learned(GROWTH, window=24)

    assert forecast(learning, np.r_[np.full(50, 1e9), GROWTH[:24]]) == forecast(
        learning, GROWTH[:24]
    )


def test_a_history_that_is_too_short_or_has_gaps() -> None:
    learning = learned(GROWTH, window=24)

    with pytest.raises(tf.errors.InvalidArgumentError, match="shorter than the window of 24 steps"):
        forecast(learning, GROWTH[:23])
    with pytest.raises(tf.errors.InvalidArgumentError, match="values that are no numbers"):
        forecast(learning, np.r_[GROWTH[:23], np.nan])


def test_what_is_learned_does_not_depend_on_held_out_rows() -> None:
    """The last 48 of 120 rows are held out; whatever they are, training sees the same."""
    changed = GROWTH.copy()
    changed[72:] = 1e6

    first, second = learned(GROWTH), learned(changed)

    assert first.scaling == second.scaling
    for one, other in zip(first.arrays("train"), second.arrays("train"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_validation_does_not_depend_on_test_rows() -> None:
    changed = GROWTH.copy()
    changed[96:] = 1e6

    for one, other in zip(
        learned(GROWTH).arrays("validation"), learned(changed).arrays("validation"), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_number_of_origins() -> None:
    learning = learned(GROWTH, window=24)

    # horizons of 12 that lie in rows 24…71, 72…95 and 96…119
    assert [len(learning.arrays(part)[0]) for part in ("train", "validation", "test")] == [
        37,
        13,
        13,
    ]


def test_the_last_twelve_months_are_one_forecast() -> None:
    learning = learned(GROWTH, Split(fraction=0.2, test=12))

    figures = learning.evaluate(silent(learning))

    assert len(learning.arrays("test")[0]) == 1
    truth, naive = GROWTH[108:], GROWTH[96:108]
    step = np.abs(GROWTH[12:108] - GROWTH[:96]).mean()
    assert figures.baseline["mae"] == pytest.approx(np.abs(truth - naive).mean())
    assert figures.baseline["mase"] == pytest.approx(np.abs(truth - naive).mean() / step)
    assert figures.baseline["rmse"] == pytest.approx(np.sqrt(((truth - naive) ** 2).mean()))
    smape = (2 * np.abs(truth - naive) / (truth + naive)).mean()
    assert figures.baseline["smape"] == pytest.approx(smape)
    assert figures.metrics["mase"] < 0.2
    # the network answers zeros and adds nothing
    assert figures.baseline["drift_mase"] == pytest.approx(figures.metrics["mase"])


def test_covariates_are_scaled_by_their_training_rows() -> None:
    learning = learned(GROWTH, covariates=("x",), window=24)

    train, _ = learning.arrays("train")

    assert train.shape == (37, 24, 2)
    # x counts rows: mean 35.5 and variance (72² - 1) / 12 over rows 0…71
    assert train[0, :, 1] == pytest.approx((np.arange(24) - 35.5) / np.sqrt(5183 / 12), abs=1e-5)


def test_a_split_that_would_show_the_future() -> None:
    with pytest.raises(InvalidRequest, match=r"training\.validation\.split"):
        learned(GROWTH, Split(split="random"))


def test_a_training_part_that_is_too_short() -> None:
    with pytest.raises(BadData, match=r"y\.csv: the rows that are left .*at least 92, received 72"):
        learned(GROWTH, window=80)
