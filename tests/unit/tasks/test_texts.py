"""What a network sees of a text."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.examples import Examples
from modelyard.recipe import Split
from modelyard.tasks import TextClassification
from modelyard.tasks.text_classification.keras import TextLearning, Tokenizer, split


def objects(values: list[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def words(text: str, kind: str = "words") -> list[str]:
    return [word.decode() for word in split(tf.constant([text]), kind).numpy()[0]]


def numbers(tokenizer: Tokenizer, *texts: str | bytes) -> list[list[int]]:
    found: list[list[int]] = tokenizer(tf.constant(list(texts))).numpy().tolist()
    return found


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = objects([b"b a", b"a c", b"a b d"])
    return Tokenizer.fitted(TextClassification(length=4, vocabulary=5), texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Free entry, call NOW!!", ["free", "entry", "call", "now"]),
        ("don't wait...win £1000", ["dont", "wait", "win", "£1000"]),
        ("ÄRGER  über\tCafé\n", ["ärger", "über", "café"]),
        ("日本 語", ["日本", "語"]),
        ("?!", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_characters() -> None:
    assert words("Hé !", "characters") == ["h", "é", " ", "!"]


def test_the_most_frequent_words_are_numbered(tokenizer: Tokenizer) -> None:
    # a three times, b twice, c and d once: there is room for three beside padding and the unknown
    assert tokenizer.tokens == ("a", "b", "c")
    assert tokenizer.vocabulary == 5
    assert numbers(tokenizer, "c b a d") == [[4, 3, 2, 1]]


def test_texts_are_cut_and_padded(tokenizer: Tokenizer) -> None:
    assert numbers(tokenizer, "a b a b c", "b") == [[2, 3, 2, 3], [3, 0, 0, 0]]


def test_a_text_without_words_is_unknown(tokenizer: Tokenizer) -> None:
    assert numbers(tokenizer, "", "?!", "zzz") == [[1, 0, 0, 0]] * 3


def test_bytes_that_are_no_text_are_unknown(tokenizer: Tokenizer) -> None:
    assert numbers(tokenizer, b"\xff\xfe") == [[1, 0, 0, 0]]


def test_words_of_the_held_out_texts_are_unknown() -> None:
    """The vocabulary is of the training part alone."""
    texts = [f"common word{row}" for row in range(40)]
    labels = ["a", "b"] * 20
    examples = Examples({"text": objects(texts), "label": objects(labels)})

    learning = TextLearning.of(TextClassification(length=2), examples, Split(), seed=0)

    train, _ = learning.arrays("train")
    test, targets = learning.arrays("test")
    assert (train != 1).all()
    assert (test[:, 0] == 2).all()
    assert (test[:, 1] == 1).all()
    assert targets.sum(axis=1).tolist() == [1] * len(test)
