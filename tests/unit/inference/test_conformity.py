"""What a signature takes, and how it says what is wrong."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modelyard.errors import Code, FailedPrecondition, InvalidRequest
from modelyard.inference.conformity import (
    byte_size,
    check_outputs,
    conform,
    is_batchable,
    rows_of,
    signature_of,
)
from modelyard.prediction import SignatureSpec, TensorSpec

NUMBERS = TensorSpec(np.dtype(np.float32), (-1, 2))
SPEC = SignatureSpec({"x": NUMBERS}, {"y": NUMBERS})


def one(dtype: Any, shape: tuple[int, ...] | None = (-1,)) -> SignatureSpec:
    return SignatureSpec({"x": TensorSpec(np.dtype(dtype), shape)}, {"y": NUMBERS})


@pytest.mark.parametrize(
    ("given_dtype", "values", "wanted"),
    [
        (np.int64, [1, -3], np.float32),
        (np.uint8, [0, 255], np.float32),
        (np.float16, [0.5, 2.0], np.float32),
        (np.float32, [0.5, 2.0], np.float64),
        (np.int64, [0, 255], np.uint8),
        (np.int64, [2**24, -(2**24)], np.float32),
    ],
)
def test_casts_that_change_no_value(given_dtype: Any, values: list[Any], wanted: Any) -> None:
    cast = conform(one(wanted), {"x": np.array(values, given_dtype)})["x"]
    assert cast.dtype == wanted
    assert cast.tolist() == values


@pytest.mark.parametrize(
    ("given_dtype", "values", "wanted"),
    [
        (np.float64, [0.5], np.float32),  # as TensorFlow Serving
        (np.float32, [1.0], np.int32),
        (np.int64, [2**24 + 1], np.float32),  # would become 2**24
        (np.int64, [256], np.uint8),
        (np.int64, [-1], np.uint8),
        (np.bool_, [True], np.float32),
        (np.int64, [2**53 + 1], np.float64),
        (object, ["1"], np.float32),
        (np.float32, [1.0], object),
    ],
)
def test_casts_that_would_change_one_are_refused(
    given_dtype: Any, values: list[Any], wanted: Any
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        conform(one(wanted), {"x": np.array(values, given_dtype)})
    (violation,) = raised.value.violations
    assert violation.field == "inputs.x"
    assert violation.expected == ("string" if wanted is object else np.dtype(wanted).name)
    assert violation.received == ("string" if given_dtype is object else np.dtype(given_dtype).name)


@given(
    hnp.arrays(
        st.sampled_from(
            [np.int8, np.int32, np.int64, np.uint16, np.uint64, np.float16, np.float32]
        ),
        hnp.array_shapes(max_dims=1, min_side=0),
    ),
    st.sampled_from([np.float16, np.float32, np.float64, np.int32, np.uint8, np.int64]),
)
def test_a_cast_never_changes_a_value(array: Any, wanted: Any) -> None:
    try:
        cast = conform(one(wanted), {"x": array})["x"]
    except InvalidRequest:
        return
    for before, after in zip(array.tolist(), cast.tolist(), strict=True):
        assert before == after or (before != before and after != after)


def test_all_that_is_wrong_is_told_at_once() -> None:
    spec = SignatureSpec({"a": NUMBERS, "b": NUMBERS}, {})
    with pytest.raises(InvalidRequest) as raised:
        conform(spec, {"a": np.zeros((1, 3), np.float32), "b": np.zeros((1, 2), np.float64)})
    assert [str(violation) for violation in raised.value.violations] == [
        "inputs.a: wrong shape (expected [-1, 2], received [1, 3])",
        "inputs.b: wrong dtype (expected float32, received float64)",
    ]


def test_an_open_rank_takes_any_shape() -> None:
    spec = one(np.float32, None)
    assert conform(spec, {"x": np.zeros((2, 3, 4), np.float32)})["x"].shape == (2, 3, 4)
    assert not is_batchable(spec)


def test_names_are_as_the_signature_says() -> None:
    with pytest.raises(InvalidRequest, match=r"Sent extra: \{z\}") as raised:
        conform(SPEC, {"x": np.zeros((1, 2), np.float32), "z": np.zeros(1)})
    assert [violation.field for violation in raised.value.violations] == ["inputs.z"]
    with pytest.raises(InvalidRequest, match=r"1!=2 .*Missing but required: {b}"):
        conform(SignatureSpec({"a": NUMBERS, "b": NUMBERS}, {}), {"a": np.zeros((1, 2))})


def test_unknown_signatures_and_outputs() -> None:
    with pytest.raises(FailedPrecondition, match='key "no" not found') as raised:
        signature_of({"serving_default": SPEC}, "no")
    assert raised.value.code is Code.FAILED_PRECONDITION
    with pytest.raises(InvalidRequest, match="not found in signature: z"):
        check_outputs(SPEC, ("z",))
    with pytest.raises(InvalidRequest, match="duplicate output tensor alias: y"):
        check_outputs(SPEC, ("y", "y"))


def test_inputs_agree_on_the_number_of_examples() -> None:
    assert rows_of({"a": np.zeros((3, 2)), "b": np.zeros(3)}) == 3
    with pytest.raises(InvalidRequest, match="received a: 3, b: 2"):
        rows_of({"a": np.zeros((3, 2)), "b": np.zeros(2)})


def test_only_open_first_dimensions_can_be_batched() -> None:
    assert is_batchable(SPEC)
    fixed = TensorSpec(np.dtype(np.float32), (8, 2))
    for spec in (
        SignatureSpec({"x": fixed}, {"y": NUMBERS}),
        SignatureSpec({"x": NUMBERS}, {"y": fixed}),
    ):
        assert not is_batchable(spec)
    assert not is_batchable(one(np.float32, ()))
    assert not is_batchable(SignatureSpec({}, {"y": NUMBERS}))


def test_bytes_of_text_and_of_what_stands_for_many() -> None:
    text = np.array([b"abc", b""], dtype=object)
    broadcast = np.broadcast_to(np.float32(1), (1000, 10))
    assert byte_size([text, np.zeros((2, 3), np.float32), broadcast]) == 3 + 24 + 40_000
