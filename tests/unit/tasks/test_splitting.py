"""Which rows are held out."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelyard.errors import BadData, InvalidRequest
from modelyard.recipe import Split
from modelyard.tasks import splitting

shares = st.floats(0.05, 0.4)


def names(*counts: int) -> NDArray[Any]:
    classes = np.array([f"class{i}" for i in range(len(counts))], dtype=object)
    return np.repeat(classes, counts)


@given(st.integers(10, 300), shares, shares, st.integers(0, 5))
def test_every_row_is_in_one_part(rows: int, fraction: float, test: float, seed: int) -> None:
    parts = splitting.by_chance(Split(fraction=fraction, test=test), rows, seed)

    everything = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(everything.tolist()) == list(range(rows))
    assert abs(len(parts.test) - test * rows) <= 1
    assert abs(len(parts.validation) - fraction * rows) <= 1


def test_the_same_seed_chooses_the_same_rows() -> None:
    first, again, other = (splitting.by_chance(Split(), 100, seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first.test, again.test)
    assert set(first.test.tolist()) != set(other.test.tolist())


def test_the_last_rows_are_the_latest() -> None:
    parts = splitting.by_chance(Split(split="time", fraction=0.2, test=3), 20, seed=1)

    assert parts.test.tolist() == [17, 18, 19]
    assert parts.validation.tolist() == [13, 14, 15, 16]
    assert parts.train.tolist() == list(range(13))


@given(st.integers(20, 200), st.integers(20, 200), st.integers(0, 5))
def test_classes_keep_their_shares(first: int, second: int, seed: int) -> None:
    labels = names(first, second)

    parts = splitting.by_class(Split(fraction=0.2, test=0.2), labels, seed)

    for part in (parts.train, parts.validation, parts.test):
        expected = len(part) * first / (first + second)
        assert abs((labels[part] == "class0").sum() - expected) <= 1.5


def test_rows_of_a_class_are_chosen_by_chance() -> None:
    labels = names(50, 50)

    tests = [set(splitting.by_class(Split(), labels, seed).test.tolist()) for seed in (1, 2)]

    assert tests[0] != tests[1]


def test_a_class_without_a_row_to_train_on() -> None:
    labels = np.array(["common"] * 20 + ["late"] * 3, dtype=object)

    with pytest.raises(BadData, match=r"for some classes .*received late"):
        splitting.by_class(Split(split="time", fraction=0.1, test=0.2), labels, seed=0)


def test_nothing_left_to_train_on() -> None:
    with pytest.raises(InvalidRequest) as caught:
        splitting.sizes(Split(fraction=0.5, test=0.5), 10)

    assert caught.value.violations[0].field == "training.validation"


def test_a_test_that_is_shorter_than_a_forecast() -> None:
    assert splitting.sizes(Split(fraction=0.01, test=0.01), 100, least=12) == (12, 12)
    with pytest.raises(InvalidRequest) as caught:
        splitting.sizes(Split(test=5), 100, least=12)
    assert caught.value.violations[0].field == "training.validation.test"
