"""JSON by TensorFlow Serving's rules; the cases are transcribed from its documentation and tests."""

import base64
import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.errors import InvalidRequest, ModelyardError, Unimplemented
from modelyard.wire import json_tensors

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
I32, BOOL, TEXT = np.dtype(np.int32), np.dtype(np.bool_), np.dtype(object)


@pytest.mark.parametrize(
    ("text", "dtype", "shape", "flat"),
    [
        ("1", F32, (), [1.0]),
        ("[1, 2.5]", F32, (2,), [1.0, 2.5]),
        ("[[1, 2], [3, 4]]", I32, (2, 2), [1, 2, 3, 4]),
        ("[[], []]", F32, (2, 0), []),
        ("[true, false]", BOOL, (2,), [True, False]),
        ('["a", {"b64": "/9g="}]', TEXT, (2,), [b"a", b"\xff\xd8"]),
        ('{"b64": "/9g"}', TEXT, (), [b"\xff\xd8"]),  # without its padding
        ("[NaN, Infinity, -Infinity]", F64, (3,), [np.nan, np.inf, -np.inf]),
    ],
)
def test_values_become_arrays(text: str, dtype: Any, shape: Any, flat: list[Any]) -> None:
    array = json_tensors.decode(json_tensors.parse(text.encode()), dtype)
    assert (array.dtype, array.shape) == (dtype, shape)
    np.testing.assert_equal(array.ravel().tolist(), flat)


@pytest.mark.parametrize(
    ("text", "dtype", "message"),
    [
        (
            "[1.0]",
            I32,
            "JSON Value: 1.0 Type: Number is not of expected type: int32",
        ),
        ("[true]", F32, "JSON Value: true Type: True is not of expected type: float"),
        ("[1]", BOOL, "JSON Value: 1 Type: Number is not of expected type: bool"),
        ("[null]", F64, "JSON Value: null Type: Null is not of expected type: double"),
        ("[1]", TEXT, "JSON Value: 1 Type: Number is not of expected type: string"),
        ('["a"]', F32, 'JSON Value: "a" Type: String is not of expected type: float'),
        ("[3000000000]", I32, "JSON Value: 3000000000 Type: Number is not of expected type"),
        ("[1e39]", F32, "JSON Value: 1e+39 Type: Number is not of expected type: float"),
        (f"[{'9' * 400}]", F32, "JSON Value: a number beyond 64 bits Type: Number"),
        (
            "[[1, 2, 3], [4, 5]]",
            F32,
            "Encountered list at unexpected size: 2 at level: 1 expected size: 3",
        ),
        ("[[1], 2]", F32, "Encountered a list and a value side by side at level: 1"),
        ('[{"b64": "?"}]', TEXT, "Unable to base64 decode"),
        ('["\\ud800"]', TEXT, "a string holds half of a surrogate pair"),
    ],
)
def test_what_is_wrong_is_said(text: str, dtype: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        json_tensors.decode(json_tensors.parse(text.encode()), dtype)
    assert message in caught.value.message


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"9" * 5000, b""])
def test_what_is_no_json_is_said(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="JSON Parse error"):
        json_tensors.parse(body)


@pytest.mark.parametrize("dtype", [np.float16, np.complex64])
def test_some_types_have_no_form(dtype: Any) -> None:
    with pytest.raises(Unimplemented):
        json_tensors.decode([1], np.dtype(dtype))
    with pytest.raises(Unimplemented):
        json_tensors.encode(np.zeros(1, dtype))


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([1, 2.5], np.float32), "[1.0, 2.5]"),
        (np.array(1.1, np.float32), "1.1"),  # and not 1.10000002384
        (np.array(1 / 3, np.float32), "0.333333343"),
        (np.array(1 / 3, np.float64), "0.33333333333333331"),
        (np.array(123456789, np.float32), "123456792.0"),
        (np.array([np.nan, np.inf, -np.inf], np.float32), "[NaN, Infinity, -Infinity]"),
        (np.array([[1], [2]], np.int64), "[[1], [2]]"),
        (np.array([True, False]), "[true, false]"),
        (np.array([b'a"\xc3\xa9'], object), '["a\\"é"]'),
        (np.empty((0, 3), np.float32), "[]"),
        (np.array(-0.0, np.float32), "-0.0"),
    ],
)
def test_arrays_become_text(array: Any, text: str) -> None:
    assert json_tensors.encode(array) == text


def test_bytes_become_base64() -> None:
    text = json_tensors.encode(np.array([b"\xff\xd8"], object), as_base64=True)
    assert json.loads(text) == [{"b64": base64.b64encode(b"\xff\xd8").decode()}]


@given(st.lists(st.floats(width=32)))
def test_every_float_comes_back(values: list[float]) -> None:
    array = np.array(values, np.float32)
    back = json_tensors.decode(json_tensors.parse(json_tensors.encode(array).encode()), F32)
    np.testing.assert_array_equal(back, array)


@given(st.lists(st.floats()))
def test_every_double_comes_back(values: list[float]) -> None:
    array = np.array(values, np.float64)
    back = json_tensors.decode(json_tensors.parse(json_tensors.encode(array).encode()), F64)
    np.testing.assert_array_equal(back, array)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.builds(dict, b64=inner),
)


@given(JSON, st.sampled_from([F32, F64, I32, BOOL, TEXT, np.dtype(np.uint8)]))
def test_any_value_is_an_array_or_a_clear_error(value: Any, dtype: Any) -> None:
    try:
        array = json_tensors.decode(value, dtype)
    except ModelyardError:
        return
    assert array.dtype == dtype


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    with suppress(InvalidRequest):
        json_tensors.parse(body)
