"""Two answers are the same within a tolerance that is stated, and what differs is said."""

import numpy as np
import pytest

from modelyard.model_store import Tolerance
from modelyard.runtimes.parity import differences

FLOATS = {"float32": Tolerance(absolute=1e-3, relative=1e-2)}


def scores(*values):
    return {"scores": np.float32(values)}


@pytest.mark.parametrize(
    ("expected", "received"),
    [
        (scores(1, 100), scores(1.0109, 101.0009)),  # absolute + relative × expected
        (scores(np.nan), scores(np.nan)),
        ({"class": np.array(["a"], object)}, {"class": np.array([b"a"], object)}),
        ({"n": np.int64([3])}, {"n": np.int64([3])}),
    ],
)
def test_the_same(expected, received):
    assert differences(expected, received, FLOATS) == []


@pytest.mark.parametrize(
    ("expected", "received", "said"),
    [
        (scores(1, 100), scores(1, 101.1), "scores[1] is"),
        (scores(1), scores(np.nan), "scores[0] is"),
        (scores(1, 2), scores(1), "shape [1]"),
        (scores(1), {"scores": np.float64([1])}, "float64"),
        (scores(1), {"score": np.float32([1])}, "['score']"),
        ({"class": np.array([b"a", b"b"])}, {"class": np.array([b"a", b"c"])}, "class[1] is b'c'"),
        # What the tolerance does not name must be equal.
        ({"n": np.int64([3])}, {"n": np.int64([4])}, "n[0] is"),
        ({"y": np.float64([1])}, {"y": np.float64([1 + 1e-9])}, "y[0] is"),
    ],
)
def test_different(expected, received, said):
    (text,) = differences(expected, received, FLOATS)
    assert said in text
