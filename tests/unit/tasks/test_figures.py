"""Figures of merit against values that were worked out by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelyard.tasks import classification
from modelyard.tasks.forecasting.rows import seasonal_naive


def scores(answers: list[int], classes: int) -> NDArray[Any]:
    """0.8 more for the answer than for the others."""
    return np.eye(classes, dtype=np.float32)[answers] * 0.8 + np.float32(0.2 / classes)


def test_two_classes() -> None:
    # 3 hits, 4 right rejections, 1 false alarm, 2 misses
    truth = np.array([1, 1, 1, 0, 0, 0, 0, 0, 1, 1])
    answers = [1, 1, 1, 0, 0, 0, 0, 1, 0, 0]
    train = np.array([0, 0, 1])  # mostly ham

    found = classification.evaluate(scores(answers, 2), truth, train, ("ham", "spam"))

    assert found.metrics["accuracy"] == pytest.approx(0.7)
    assert found.metrics["f1"] == pytest.approx(6 / 9)
    # (3·4 - 1·2) / √(4·5·5·6)
    assert found.metrics["mcc"] == pytest.approx(10 / np.sqrt(600))
    surprise = -(7 * np.log(0.9) + 3 * np.log(0.1)) / 10
    assert found.metrics["cross_entropy"] == pytest.approx(surprise)
    assert found.baseline["accuracy"] == 0.5
    assert found.baseline["f1"] == found.baseline["mcc"] == 0.0
    assert found.baseline["cross_entropy"] == pytest.approx(-(np.log(1 / 3) + np.log(2 / 3)) / 2)


def test_three_classes() -> None:
    truth = np.array([0, 0, 1, 2])

    found = classification.evaluate(scores([0, 1, 1, 1], 3), truth, truth, ("a", "b", "c"))

    assert found.metrics["accuracy"] == 0.5
    # a: 2/3, b: 2/4, c: 0
    assert found.metrics["f1_macro"] == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert set(found.metrics) == {"accuracy", "calibration_error", "cross_entropy", "f1_macro"}


def test_figures_are_plain_and_finite_where_a_test_holds_one_class() -> None:
    truth = np.array([0, 0, 0])

    found = classification.evaluate(scores([0, 0, 0], 2), truth, np.array([0, 1]), ("a", "b"))

    assert found.metrics["mcc"] == found.metrics["f1"] == 0.0
    for value in [*found.metrics.values(), *found.baseline.values()]:
        assert type(value) is float
        assert np.isfinite(value)


def test_the_last_season_again_and_again() -> None:
    series = np.array([1.0, 2, 3, 4, 5, 6])

    forecast = seasonal_naive(series, np.array([4, 6]), horizon=5, season=3)

    assert forecast.tolist() == [[2, 3, 4, 2, 3], [4, 5, 6, 4, 5]]
