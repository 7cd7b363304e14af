"""Several steps in one call are the same steps, and end with the first whose loss is not finite."""

import keras
import numpy as np
import pytest

from modelyard.recipe import SGD
from modelyard.training import steps
from modelyard.training.batches import Batches


@pytest.fixture
def data():
    random = np.random.default_rng(1)
    x = random.normal(size=(22, 3)).astype(np.float32)
    return x, (x @ np.float32([[1], [2], [3]]))


def network():
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def test_they_are_the_steps_of_keras(data):
    batches = Batches.of(*data, 5, seed=0)
    ours, theirs = network(), network()
    assert steps.build(ours, batches) == ["loss", "mae"]
    done, logs = steps.training_steps(ours, batches)(*data)
    assert done == batches.steps == 5  # the last one of two rows
    history = theirs.fit(*data, batch_size=5, shuffle=False, verbose=0).history
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-6)
    assert float(logs["loss"]) == pytest.approx(history["loss"][0])
    assert float(logs["mae"]) == pytest.approx(history["mae"][0])


def test_weights_are_those_of_keras(data):
    weights = np.arange(22, dtype=np.float32)
    batches = Batches.of(*data, 5, seed=0, weights=weights)
    ours, theirs = network(), network()
    steps.build(ours, batches)
    _, logs = steps.training_steps(ours, batches)(*batches.arrays)
    history = theirs.fit(
        *data, sample_weight=weights, batch_size=5, shuffle=False, verbose=0
    ).history
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-5)
    assert float(logs["loss"]) == pytest.approx(history["loss"][0])


def test_accumulated_batches_are_one_larger_batch(data):
    x, y = (array[:20] for array in data)

    def trained(batch_size, **optimizer):
        model = network()
        made = SGD(learning_rate=0.1, **optimizer).keras(steps=20 // batch_size)
        model.compile(made, "mse")
        batches = Batches.of(x, y, batch_size, seed=0)
        steps.build(model, batches)
        steps.training_steps(model, batches)(x, y)
        return model.get_weights()

    for accumulated, whole in zip(trained(5, accumulate=2), trained(10), strict=True):
        np.testing.assert_allclose(accumulated, whole, rtol=1e-5)


def test_an_embedding_accumulates(data):
    """Its gradients are sparse."""
    x, y = np.arange(20, dtype=np.int32)[:, None] % 5, np.ones((20, 1), np.float32)

    def trained(batch_size, **optimizer):
        keras.utils.set_random_seed(5)
        model = keras.Sequential(
            [
                keras.Input((1,), dtype="int32"),
                keras.layers.Embedding(5, 2),
                keras.layers.Flatten(),
                keras.layers.Dense(1),
            ]
        )
        model.compile(SGD(learning_rate=0.1, **optimizer).keras(steps=1), "mse")
        batches = Batches.of(x, y, batch_size, seed=0)
        steps.build(model, batches)
        steps.training_steps(model, batches)(x, y)
        return model.get_weights()

    for accumulated, whole in zip(trained(5, accumulate=2), trained(10), strict=True):
        np.testing.assert_allclose(accumulated, whole, rtol=1e-5)


def test_validation_changes_no_weight(data):
    batches = Batches.of(*data, 5, seed=0)
    model, before = network(), network().get_weights()
    steps.build(model, batches)
    _, logs = steps.validation_steps(model, batches)(*data)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    expected = model.evaluate(*data, batch_size=5, verbose=0, return_dict=True)
    assert float(logs["loss"]) == pytest.approx(expected["loss"])


def test_the_first_loss_that_is_not_finite_is_the_last(data):
    x, y = data
    x[11] = np.inf  # in the third batch
    batches = Batches.of(x, y, 5, seed=0)
    model = network()
    steps.build(model, batches)
    done, logs = steps.training_steps(model, batches)(x, y)
    assert done == 3
    assert not np.isfinite(logs["loss"])


@pytest.fixture
def numbered():
    """Rows that tell their number."""
    x = np.arange(23, dtype=np.float32)[:, None]
    return Batches.of(x, x, 4, seed=9)


def rows(groups, count):
    return np.concatenate([next(groups)[0].numpy()[:, 0] for _ in range(count)]).tolist()


def test_an_epoch_is_every_row_once_in_an_order_of_its_own(numbered):
    first = rows(numbered.groups(0, 0, 1, epochs=9), 6)
    second = rows(numbered.groups(1, 0, 1, epochs=9), 6)
    assert sorted(first) == sorted(second) == list(range(23))
    assert len({tuple(first), tuple(second), tuple(range(23))}) == 3


@pytest.mark.parametrize("group", [1, 2, 4, 6, 64])
def test_groups_follow_each_other_over_epochs(numbered, group):
    one_by_one = rows(numbered.groups(0, 0, 1, epochs=3), 18)
    calls = 3 * -(-6 // group)
    assert rows(numbered.groups(0, 0, group, epochs=3), calls) == one_by_one


@pytest.mark.parametrize(("epoch", "step"), [(0, 3), (1, 0), (2, 5)])
def test_a_resume_sees_what_was_left(numbered, epoch, step):
    everything = rows(numbered.groups(0, 0, 1, epochs=3), 18)
    left = rows(numbered.groups(epoch, step, 1, epochs=3), 18 - 6 * epoch - step)
    assert left == everything[23 * epoch + 4 * step :]


def test_all_is_one_batch():
    x = np.zeros((7, 2), np.float32)
    assert Batches.of(x, x, "all", seed=0).steps == 1
    assert Batches.of(x, x, 100, seed=0).batch_size == 7
