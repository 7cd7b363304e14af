"""The first steps of every optimizer, by the formulas of their papers, and what happens to gradients before."""

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter

from modelyard.recipe import Optimizer

OPTIMIZER = TypeAdapter(Optimizer)


def stepped(optimizer, *gradients, start=(1.0,)):
    """The weights after steps with these gradients."""
    weights = keras.Variable(np.float32(start))
    made = OPTIMIZER.validate_python(optimizer).keras(steps=10)
    made.build([weights])
    for gradient in gradients:
        made.apply([keras.ops.convert_to_tensor(np.float32(gradient))])
    return weights.numpy().tolist()


@pytest.mark.parametrize(
    ("optimizer", "gradients", "expected"),
    [
        ({"type": "sgd", "learning_rate": 0.1}, [2], 0.8),
        # v = 0.9·(-0.2) - 0.2 = -0.38 on the second step: 1 - 0.2 - 0.38
        ({"type": "sgd", "learning_rate": 0.1, "momentum": 0.9}, [2, 2], 0.42),
        # w += 0.9·v - 0.1·g with v = -0.2: 1 - 0.18 - 0.2
        ({"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True}, [2], 0.62),
        # the mean square is 0.1·g²: a step of 0.1/√0.1
        ({"type": "rmsprop", "learning_rate": 0.1}, [2], 1 - 0.1 / 0.1**0.5),
        # its variance is 0.1·g² - (0.1·g)²
        (
            {"type": "rmsprop", "learning_rate": 0.1, "centered": True},
            [2],
            1 - 0.1 / (0.1 - 0.01) ** 0.5,
        ),
        # Keras starts the sum of squares at 0.1
        ({"type": "adagrad", "learning_rate": 0.1}, [2], 1 - 0.2 / 4.1**0.5),
        # √ε/√(0.05·g²+ε)·g with ε = 1e-7
        ("adadelta", [2], 1 - 2 * 1e-7**0.5 / 0.2**0.5),
        # bias-corrected, the first step of Adam is the learning rate
        ({"type": "adam", "learning_rate": 0.1}, [2], 0.9),
        ({"type": "adam", "learning_rate": 0.1}, [2, 2], 0.8),
        # and 0.004·0.1 of the weight goes before it
        ({"type": "adamw", "learning_rate": 0.1}, [2], 0.9 - 0.0004),
        ({"type": "adam", "learning_rate": 0.1, "weight_decay": 0.5}, [2], 0.85),
        ({"type": "adamax", "learning_rate": 0.1}, [2], 0.9),
        # the sign of the gradient is all that counts
        ({"type": "lion", "learning_rate": 0.1}, [2], 0.9),
        ({"type": "lion", "learning_rate": 0.1}, [-0.001], 1.1),
        # the update of a single number has the size 1, times max(0.001, |w|)
        ({"type": "adafactor", "learning_rate": 0.1}, [2], 0.9),
    ],
)
def test_the_steps_of_the_papers(optimizer, gradients, expected):
    (weight,) = stepped(optimizer, *([gradient] for gradient in gradients))

    assert weight == pytest.approx(expected, rel=1e-4)


def test_nadam_looks_ahead_of_adam():
    # Dozat's first step, with u_t = β₁·(1 - 0.5·0.96^t): m̂ = u₂·0.1g/(1-u₁u₂) + (1-u₁)·g/(1-u₁)
    u1, u2 = (0.9 * (1 - 0.5 * 0.96**t) for t in (1, 2))
    expected = 1 - 0.1 * (u2 * 0.1 / (1 - u1 * u2) + (1 - u1) / (1 - u1))

    (weight,) = stepped({"type": "nadam", "learning_rate": 0.1}, [2])

    assert weight == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ({}, [-3, -4]),
        # a vector of length 5, scaled to 1
        ({"clip_norm": 1}, [-0.6, -0.8]),
        ({"clip_norm_each": 1}, [-0.6, -0.8]),
        ({"clip_value": 3.5}, [-3, -3.5]),
        ({"clip_norm": 10}, [-3, -4]),
    ],
)
def test_gradients_are_clipped(clip, expected):
    weights = stepped({"type": "sgd", "learning_rate": 1, **clip}, [3, 4], start=(0, 0))

    assert weights == pytest.approx(expected)


def test_one_norm_for_all_weights_or_one_each():
    def step(clip):
        first, second = keras.Variable([0.0]), keras.Variable([0.0])
        made = OPTIMIZER.validate_python({"type": "sgd", "learning_rate": 1, clip: 1}).keras(1)
        made.apply([keras.ops.convert_to_tensor([g]) for g in (3.0, 4.0)], [first, second])
        return [float(first[0]), float(second[0])]

    assert step("clip_norm") == pytest.approx([-0.6, -0.8])
    assert step("clip_norm_each") == pytest.approx([-1, -1])


def test_gradients_are_clipped_in_one_way():
    with pytest.raises(ValueError, match="clip_norm, clip_value"):
        OPTIMIZER.validate_python({"type": "adam", "clip_norm": 1, "clip_value": 1})


def test_accumulated_gradients_are_averaged_for_one_step():
    optimizer = {"type": "sgd", "learning_rate": 1, "accumulate": 3}

    assert stepped(optimizer, [1], [2]) == [1]
    assert stepped(optimizer, [1], [2], [6]) == [1 - 3]
    assert stepped(optimizer, [1], [2], [6], [9]) == [1 - 3]
