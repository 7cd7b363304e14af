"""The Open Inference Protocol's tensors: what goes there comes back, and nothing that is wrong gets in."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modelyard.errors import InvalidRequest, Unimplemented
from modelyard.wire.open_inference_tensors import datatype, from_raw, from_values, to_raw

NUMPY = {
    "BOOL": np.bool_,
    **{f"INT{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
}


@given(st.data(), st.sampled_from(sorted(NUMPY)))
def test_numbers_come_back(data: st.DataObject, name: str) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0))
    array = data.draw(arrays.arrays(NUMPY[name], shape))
    assert datatype(array.dtype) == name
    back = from_raw("x", "m", name, array.shape, to_raw(array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


@given(st.lists(st.binary()))
def test_strings_come_back(values: list[bytes]) -> None:
    array = np.empty(len(values), object)
    array[:] = values
    raw = to_raw(array)
    assert from_raw("x", "m", "BYTES", [len(values)], raw).tolist() == values
    assert len(raw) == sum(4 + len(value) for value in values)


def test_the_bytes_are_those_of_the_protocol() -> None:
    """Little-endian; a string is its length in four bytes, and its bytes."""
    assert to_raw(np.array([1, 2], np.int32)) == b"\x01\x00\x00\x00\x02\x00\x00\x00"
    assert to_raw(np.array([b"ab"], object)) == b"\x02\x00\x00\x00ab"


@pytest.mark.parametrize(
    ("name", "shape", "raw", "message"),
    [
        (
            "FP32",
            [4, 4],
            bytes(60),
            "input byte size mismatch for input 'x' for model 'm'. Expected 64, got 60",
        ),
        ("FP32", [2**40], b"", "has a shape that cannot be"),
        ("FP32", [0, 2**62, 2**62], b"", "has a shape that cannot be"),
        ("FP32", [-1], b"", "has a shape that cannot be"),
        ("FP32", [1] * 65, bytes(4), "has a shape that cannot be"),
        ("FP33", [1], bytes(4), "unknown data-type 'FP33'"),
        ("BOOL", [1], b"\x02", "bytes that are no booleans"),
        (
            "BYTES",
            [1],
            struct.pack("<I", 3_000_000_000) + b"abc",
            "expecting string of length 3000000000 but only 3 bytes available",
        ),
        ("BYTES", [1], b"\x00\x00\x00\x00\x01", "expecting 4 bytes but only 1 bytes available"),
        ("BYTES", [2**30], b"", "expected 1073741824 string elements"),
        ("BYTES", [1], b"\x00" * 8, "expected 1 string elements for inference input 'x', got 2"),
    ],
)
def test_what_is_wrong_is_said(name: str, shape: list[int], raw: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        from_raw("x", "m", name, shape, raw)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("name", "shape", "values"),
    [
        ("FP32", [2], [1.0]),
        ("INT8", [1], [300]),
        ("UINT8", [1], [-1]),
        ("UINT64", [1], [2**70]),
        ("FP32", [1], ["a"]),
    ],
)
def test_values_must_fit(name: str, shape: list[int], values: list[Any]) -> None:
    with pytest.raises(InvalidRequest):
        from_values("x", "m", name, shape, values)


def test_complex_numbers_have_no_datatype() -> None:
    with pytest.raises(Unimplemented):
        datatype(np.dtype(np.complex64))


@given(
    st.sampled_from([*NUMPY, "BYTES", "BF16", ""]),
    st.lists(st.integers(-2, 2**62) | st.integers(0, 3), max_size=4),
    st.binary(max_size=64),
)
def test_any_bytes_are_an_array_or_a_clear_error(name: str, shape: list[int], raw: bytes) -> None:
    try:
        array = from_raw("x", "m", name, shape, raw)
    except InvalidRequest:
        return
    assert array.shape == tuple(shape)
