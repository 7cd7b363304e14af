"""How much an example counts: by its class, by its row, or by both."""

import numpy as np
import pytest

from modelyard.errors import BadData, InvalidRequest
from modelyard.examples import Examples
from modelyard.recipe import Split, Training
from modelyard.tasks import TabularClassification
from modelyard.training.weights import weights

ROWS = 40


def table(**columns):
    """Three of four rows are of class a."""
    label = np.array(["a", "a", "a", "b"] * (ROWS // 4), dtype=object)
    return Examples({"size": np.arange(float(ROWS)), "label": label, **columns})


def weighed(training, examples, part="train", **task):
    spec = TabularClassification(target="label", **task)
    spec.check(examples)
    learning = spec.learn(examples, Split(), 0)
    _, targets = learning.arrays(part)
    found = weights(Training.model_validate(training), learning, part, targets)
    return learning, targets, found


def test_all_count_alike_unless_told():
    assert weighed({}, table())[2] is None


def test_balanced_classes_count_alike_in_sum():
    _, targets, found = weighed({"class_weights": "balanced"}, table())

    sums = found @ targets
    assert sums[0] == pytest.approx(sums[1])
    assert found.mean() == pytest.approx(1)


def test_classes_by_name():
    _, targets, found = weighed({"class_weights": {"b": 5}}, table())

    assert set(found[targets[:, 0] == 1]) == {1.0}
    assert set(found[targets[:, 1] == 1]) == {5.0}


def test_a_class_that_is_not_there_is_named():
    with pytest.raises(InvalidRequest, match=r"training\.class_weights\.c: .*one of a, b"):
        weighed({"class_weights": {"c": 5}}, table())


def test_a_column_counts_1_on_average_and_is_not_learned_from():
    examples = table(times=np.arange(ROWS) + 1.0)
    learning, _, found = weighed({}, examples, weight="times")

    assert found.mean() == pytest.approx(1)
    assert found.max() / found.min() == pytest.approx(
        (examples.columns["times"][learning.table.parts.train].max())
        / examples.columns["times"][learning.table.parts.train].min()
    )
    assert set(learning.serving["inputs"].values()) == {"size"}


def test_both_multiply_and_classes_weigh_in_training_only():
    examples = table(times=np.full(ROWS, 7.0))
    training = {"class_weights": {"b": 3}}

    _, targets, train = weighed(training, examples, weight="times")
    _, _, validation = weighed(training, examples, "validation", weight="times")

    assert set(train[targets[:, 1] == 1]) == {3.0}
    assert set(validation) == {1.0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.r_[-1.0, np.ones(ROWS - 1)], "dataset:1: column 'times' is negative"),
        (np.r_[1.0, np.nan, np.ones(ROWS - 2)], "dataset:2: column 'times' has no value"),
        (np.zeros(ROWS), "no example that is trained on counts"),
    ],
)
def test_weights_that_are_none(values, message):
    with pytest.raises(BadData, match=message):
        weighed({}, table(times=values), weight="times")
