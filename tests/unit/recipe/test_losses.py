"""Losses are those of the textbooks, and are refused where they say nothing about what a task answers."""

from math import cosh, log

import numpy as np
import pytest

from modelyard.errors import InvalidRequest
from modelyard.recipe import Training
from modelyard.spec import Head

CLASSES, PAIR, LABELS = Head(3, "softmax"), Head(2, "softmax"), Head(3, "sigmoid")
NUMBERS, COUNTS = Head(1, "linear"), Head(1, "exponential")


def computed(loss, head, truth, answer):
    made = Training.model_validate({"loss": loss}).loss_for(head).keras(head)
    return float(made(np.float32([truth]), np.float32([answer])))


@pytest.mark.parametrize(
    ("loss", "head", "truth", "answer", "expected"),
    [
        ("cross_entropy", CLASSES, [0, 1, 0], [0.2, 0.5, 0.3], -log(0.5)),
        # a tenth of the certainty goes to three classes: 0.9 + 1/30 stay with the right one
        (
            {"type": "categorical_cross_entropy", "label_smoothing": 0.1},
            CLASSES,
            [0, 1, 0],
            [0.2, 0.5, 0.3],
            -(0.1 / 3) * log(0.2 * 0.3) - (0.9 + 0.1 / 3) * log(0.5),
        ),
        ("cross_entropy", LABELS, [0, 1, 1], [0.2, 0.5, 0.9], -log(0.8 * 0.5 * 0.9) / 3),
        ("binary_cross_entropy", PAIR, [0, 1], [0.2, 0.8], -log(0.8)),
        # (1 - p)² of the cross-entropy
        ("focal", CLASSES, [0, 1, 0], [0.2, 0.5, 0.3], 0.25 * -log(0.5)),
        ({"type": "focal", "gamma": 0}, CLASSES, [0, 1, 0], [0.2, 0.5, 0.3], -log(0.5)),
        ("focal", LABELS, [1, 1, 1], [0.5, 0.5, 0.5], 0.25 * -log(0.5)),
        # 1 + 0.3 - 0.5
        ("hinge", CLASSES, [0, 1, 0], [0.2, 0.5, 0.3], 0.8),
        ("mse", NUMBERS, [1], [4], 9),
        ("mae", NUMBERS, [1], [4], 3),
        ("log_cosh", NUMBERS, [1], [4], log(cosh(3))),
        # half the square up to 1, then a line
        ("huber", NUMBERS, [1], [1.5], 0.125),
        ("huber", NUMBERS, [1], [4], 2.5),
        ({"type": "huber", "delta": 2}, NUMBERS, [1], [4], 4),
        # to answer too little costs nine times as much as to answer too much
        ({"type": "pinball", "quantile": 0.9}, NUMBERS, [4], [1], 2.7),
        ({"type": "pinball", "quantile": 0.9}, NUMBERS, [1], [4], 0.3),
        ("pinball", NUMBERS, [1], [4], 1.5),
        ("poisson", COUNTS, [3], [2], 2 - 3 * log(2)),
    ],
)
def test_the_formulas(loss, head, truth, answer, expected):
    assert computed(loss, head, truth, answer) == pytest.approx(expected, rel=1e-4)


def test_the_pinball_is_least_at_its_quantile():
    values = np.arange(100.0)
    answers = np.arange(0.0, 100.0, 5.0)
    costs = [
        computed({"type": "pinball", "quantile": 0.8}, NUMBERS, values, values * 0 + a)
        for a in answers
    ]

    assert answers[int(np.argmin(costs))] == 80


def test_quantiles_of_each_value_side_by_side():
    head = Head(4, "linear", (0.1, 0.9))
    # two values in two quantiles each: errors of -1, -3 and 1, -1 cost 0.9, 0.3 and 0.1, 0.1
    found = Training().loss_for(head).keras(head)(np.float32([[1, 5]]), np.float32([[2, 4, 4, 6]]))

    assert float(found) == pytest.approx((0.9 + 0.3 + 0.1 + 0.1) / 4)


def test_quantiles_leave_no_choice_of_a_loss():
    with pytest.raises(InvalidRequest, match=r"training\.loss: has no choice"):
        Training.model_validate({"loss": "mse"}).check_loss(Head(4, "linear", (0.1, 0.5)))


@pytest.mark.parametrize(
    ("loss", "head", "expected"),
    [
        ("mse", CLASSES, "cross_entropy, focal or hinge"),
        ("hinge", LABELS, "cross_entropy or focal"),
        ("cross_entropy", NUMBERS, "mse, mae, log_cosh, huber or pinball"),
        ("poisson", NUMBERS, "mse, mae, log_cosh, huber or pinball"),
        ("mse", COUNTS, "poisson"),
        ("binary_cross_entropy", CLASSES, "cross_entropy"),
        ("categorical_cross_entropy", LABELS, "cross_entropy"),
    ],
)
def test_a_loss_that_does_not_fit(loss, head, expected):
    with pytest.raises(InvalidRequest) as caught:
        Training.model_validate({"loss": loss}).check_loss(head)

    (violation,) = caught.value.violations
    assert violation.field == "training.loss"
    assert violation.expected == expected
    assert violation.received == loss


@pytest.mark.parametrize(
    ("head", "expected"),
    [(CLASSES, "cross_entropy"), (LABELS, "cross_entropy"), (NUMBERS, "mse"), (COUNTS, "poisson")],
)
def test_the_loss_of_a_task(head, expected):
    assert Training().loss_for(head).type == expected


def test_numbers_have_no_classes_to_weigh():
    with pytest.raises(InvalidRequest, match=r"training\.class_weights"):
        Training(class_weights="balanced").check_loss(NUMBERS)
