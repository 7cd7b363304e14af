"""What a network sees of a row of a table."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.tasks.tabular.encoding import Category, Encoding, Number, input_names


def objects(*values: Any) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def test_a_number_is_counted_in_deviations_from_the_mean() -> None:
    number = Number.fitted(np.array([1.0, 2.0, 3.0]))

    assert number(tf.constant([2.0, 2 + np.sqrt(2 / 3)])).numpy() == pytest.approx(
        np.array([[0], [1]])
    )


def test_a_missing_number_is_marked_and_counts_as_the_mean() -> None:
    number = Number.fitted(np.array([1.0, np.nan, 3.0]))

    assert number(tf.constant([np.nan, 3.0])).numpy().tolist() == [[0, 1], [1, 0]]


def test_a_number_that_was_never_missing_may_be_so_later() -> None:
    number = Number.fitted(np.array([1.0, 3.0]))

    assert number(tf.constant([np.nan, 1e30, -np.inf])).numpy().tolist() == [[0], [10], [-10]]


@pytest.mark.parametrize("values", [[5.0, 5.0], [np.nan, np.nan]])
def test_a_column_that_says_nothing(values: list[float]) -> None:
    answer = Number.fitted(np.array(values))(tf.constant([5.0, np.nan])).numpy()

    assert np.isfinite(answer).all()


def test_categories_by_frequency_and_the_unknown_first() -> None:
    category = Category.fitted(objects("b", "a", "b", "", "é"))

    assert category.values == ("b", "", "a", "é")
    answer = category(tf.constant(["b", "é".encode(), "new", ""])).numpy()
    assert answer.argmax(axis=1).tolist() == [1, 4, 0, 2]
    assert answer.sum(axis=1).tolist() == [1, 1, 1, 1]


def test_a_row_is_all_its_columns() -> None:
    columns = {"age": np.array([1.0, 3.0]), "job": objects("cook", "smith")}
    encoding = Encoding.fitted({"age": "number", "job": "text"}, columns)

    row = encoding({"age": tf.constant([3.0]), "job": tf.constant(["smith"])})

    assert encoding.width == 4
    assert row.numpy().tolist() == [[1, 0, 0, 1]]


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["age", "work.class", "hours-per-week"], ["age", "work.class", "hours-per-week"]),
        (["capital gain", "größe (cm)"], ["capital_gain", "gr__e__cm_"]),
        (["a b", "a_b", "A_B"], ["a_b", "a_b_2", "A_B_3"]),
        (["_private", "-"], ["column_private", "column-"]),
    ],
)
def test_names_that_a_signature_can_have(columns: list[str], names: list[str]) -> None:
    assert list(input_names(columns).values()) == names
