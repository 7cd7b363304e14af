"""Tensors from strangers become arrays or plain errors."""

import numpy as np
import pytest

from modelyard.errors import InvalidRequest
from modelyard.wire import tensors
from modelyard.wire.tf_serving import TensorProto, TensorShapeProto

FLOAT, INT32, UINT8, STRING, BOOL, HALF, COMPLEX64 = 1, 3, 4, 7, 10, 19, 8


def proto(dtype, *sizes, **fields):
    return TensorProto(dtype=dtype, tensor_shape=tensors.shape_proto(sizes), **fields)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # Typed fields, in the order of the rows.
        (proto(FLOAT, 2, 2, float_val=[1, 2, 3, 4]), np.float32([[1, 2], [3, 4]])),
        # One value stands for all.
        (proto(FLOAT, 2, 3, float_val=[7]), np.full((2, 3), 7, np.float32)),
        (proto(STRING, 2, string_val=[b"a"]), np.array([b"a", b"a"], object)),
        # No dimension is a scalar.
        (proto(INT32, int_val=[5]), np.int32(5)),
        # An empty batch keeps its other dimensions.
        (proto(FLOAT, 0, 4), np.zeros((0, 4), np.float32)),
        # Raw little-endian bytes.
        (proto(INT32, 2, tensor_content=b"\x01\0\0\0\x02\0\0\0"), np.int32([1, 2])),
        # The bits of a half float travel in an int32: 0x3C00 is 1.0.
        (proto(HALF, 1, half_val=[0x3C00]), np.float16([1])),
        (proto(BOOL, 2, bool_val=[True, False]), np.bool_([True, False])),
        # Real and imaginary part, one after the other.
        (proto(COMPLEX64, 1, scomplex_val=[1, 2]), np.complex64([1 + 2j])),
        # Lengths as varints, then the strings.
        (proto(STRING, 2, tensor_content=b"\x01\x02abc"), np.array([b"a", b"bc"], object)),
    ],
)
def test_what_a_tensor_means(given, expected):
    array = tensors.decode("x", given)
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (proto(0, 1), "DT_INVALID"),
        (proto(20, 1), "DT_RESOURCE"),
        (proto(99, 1), "99"),
        (proto(FLOAT, 2, -1, float_val=[1]), "negative"),
        (TensorProto(dtype=FLOAT, tensor_shape=TensorShapeProto(unknown_rank=True)), "rank"),
        (proto(FLOAT, *[1] * 65, float_val=[1]), "65 dimensions"),
        # Sizes that no memory holds, and whose product does not fit into 64 bits.
        (proto(FLOAT, 2**40, float_val=[1]), "more than"),
        (proto(FLOAT, 2**62, 2**62, float_val=[1]), "more than"),
        (proto(FLOAT, 0, 2**62), "more than"),
        # Sizes that do not match.
        (proto(FLOAT, 3, float_val=[1, 2]), "takes 3 values, and float_val has 2"),
        (proto(FLOAT, 3), "float_val has 0"),
        (proto(FLOAT, 2, double_val=[1, 2]), "float_val has 0"),
        (proto(FLOAT, 2, tensor_content=b"\0" * 7), "takes 8 bytes"),
        (proto(COMPLEX64, 1, scomplex_val=[1, 2, 3]), "scomplex_val"),
        # Values that the dtype does not have.
        (proto(UINT8, 1, int_val=[300]), "300"),
        (proto(HALF, 1, half_val=[-1]), "half_val"),
        (proto(BOOL, 1, tensor_content=b"\x02"), "no booleans"),
        # Strings that end before their end, or never.
        (proto(STRING, 2, tensor_content=b"\x01\x05ab"), "2 strings"),
        (proto(STRING, 1, tensor_content=b"\xff" * 9), "lengths"),
        (proto(STRING, 10**6, tensor_content=b"\x00"), "strings"),
    ],
)
def test_malformed_tensors_are_named(given, why):
    with pytest.raises(InvalidRequest, match="tensor parsing error: image") as raised:
        tensors.decode("image", given)
    assert why in raised.value.message
    assert raised.value.violations[0].field == "inputs.image"


def test_one_value_is_not_multiplied_in_memory():
    array = tensors.decode("x", proto(FLOAT, 1000, 1000, 100, float_val=[1]))
    assert array.shape == (1000, 1000, 100)
    assert array.strides == (0, 0, 0)


def test_a_bound_of_the_caller_holds():
    with pytest.raises(InvalidRequest, match="more than 100 bytes"):
        tensors.decode("x", proto(FLOAT, 26, float_val=[1]), max_bytes=100)


def test_answers_are_in_typed_fields_unless_asked_otherwise():
    array = np.float32([1, 2])
    assert list(tensors.encode(array).float_val) == [1, 2]
    content = tensors.encode(array, as_content=True)
    assert content.tensor_content == array.tobytes()
    assert not content.float_val


def test_text_is_utf8():
    assert list(tensors.encode(np.array(["ü", b"\xff"], object)).string_val) == [
        b"\xc3\xbc",
        b"\xff",
    ]


@pytest.mark.parametrize("array", [np.array([{}], object), np.array(["2020"], "datetime64[Y]")])
def test_what_no_tensor_can_hold(array):
    with pytest.raises(InvalidRequest):
        tensors.encode(array)
