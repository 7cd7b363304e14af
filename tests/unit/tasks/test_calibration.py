"""Confidence is compared with how often it is right, and brought in line by one number."""

import numpy as np
import pytest

from modelyard.tasks import calibration


def test_the_error_by_hand():
    # ten answers at 0.9, of which six are right, and ten at 0.6, of which six are right
    scores = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    truth = np.array(([0] * 6 + [1] * 4) * 2)

    assert calibration.error(scores, truth) == pytest.approx((0.3 + 0.0) / 2)


def test_confidence_that_is_right_has_no_error():
    scores = np.array([[0.75, 0.25]] * 8)
    truth = np.array([0, 0, 0, 1] * 2)

    assert calibration.error(scores, truth) == pytest.approx(0)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_scores_too_sure_is_found(temperature):
    """Labels are drawn from known probabilities, and the logits then multiplied."""
    random = np.random.default_rng(7)
    logits = random.normal(0, 1.5, (20_000, 4))
    truth = np.array([random.choice(4, p=p) for p in softmax(logits)])
    told = softmax(logits * temperature)

    found = calibration.temperature(told, truth)

    assert found == pytest.approx(temperature, rel=0.05)
    mended = softmax(np.log(told) / found)
    assert calibration.error(mended, truth) < 0.02
    assert (mended.argmax(axis=1) == told.argmax(axis=1)).all()


def test_a_few_right_answers_are_no_certainty():
    """With n right answers of n, Platt's best probability is (n+1)/(n+2)."""
    scores = np.array([[0.8, 0.2]] * 10)
    found = calibration.temperature(scores, np.zeros(10, int))

    assert softmax(np.log(scores) / found)[0, 0] == pytest.approx(11 / 12, abs=1e-3)


def test_a_score_of_zero_is_survived():
    scores = np.array([[1.0, 0.0]] * 9 + [[0.0, 1.0]])

    assert calibration.temperature(scores, np.zeros(10, int)) == pytest.approx(20, rel=1e-3)
