"""Between TensorFlow's TensorProto and NumPy arrays.

Strings are object arrays of `bytes`. A tensor holds its values in `tensor_content`, as raw bytes, or in
the typed field of its dtype, where one value may stand for all. Shapes come from strangers: sizes are
compared before anything is allocated.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from ml_dtypes import bfloat16
from numpy.typing import DTypeLike, NDArray

from modelyard.errors import InvalidRequest, Violation
from modelyard.wire.tf_serving import DataType, TensorProto, TensorShapeProto

MAX_BYTES = 2**31 - 1
"""What a decoded tensor may need: as much as one gRPC message may hold."""

_MAX_RANK = 64  # NumPy's own bound


class _Kind(NamedTuple):
    """How one DataType is held."""

    number: int
    dtype: np.dtype[Any]
    field: str
    """The typed field."""
    stored: np.dtype[Any]
    """What the values of the typed field are, once in an array."""


def _kind(name: str, dtype: DTypeLike, field: str, stored: DTypeLike) -> _Kind:
    number = DataType.values_by_name[name].number
    return _Kind(number, np.dtype(dtype), field, np.dtype(stored))


_STRING = _kind("DT_STRING", object, "string_val", object)
_KINDS = (
    _STRING,
    _kind("DT_FLOAT", np.float32, "float_val", np.float32),
    _kind("DT_DOUBLE", np.float64, "double_val", np.float64),
    _kind("DT_HALF", np.float16, "half_val", np.uint16),
    _kind("DT_BFLOAT16", bfloat16, "half_val", np.uint16),
    _kind("DT_INT8", np.int8, "int_val", np.int8),
    _kind("DT_INT16", np.int16, "int_val", np.int16),
    _kind("DT_INT32", np.int32, "int_val", np.int32),
    _kind("DT_INT64", np.int64, "int64_val", np.int64),
    _kind("DT_UINT8", np.uint8, "int_val", np.uint8),
    _kind("DT_UINT16", np.uint16, "int_val", np.uint16),
    _kind("DT_UINT32", np.uint32, "uint32_val", np.uint32),
    _kind("DT_UINT64", np.uint64, "uint64_val", np.uint64),
    _kind("DT_BOOL", np.bool_, "bool_val", np.bool_),
    _kind("DT_COMPLEX64", np.complex64, "scomplex_val", np.float32),
    _kind("DT_COMPLEX128", np.complex128, "dcomplex_val", np.float64),
)
_BY_NUMBER = {kind.number: kind for kind in _KINDS}
_BY_DTYPE = {kind.dtype: kind for kind in _KINDS}
_RAW_TAGS = {"float_val": b"\x2a", "double_val": b"\x32", "scomplex_val": b"\x4a"} | {
    "dcomplex_val": b"\x62",
    "bool_val": b"\x5a",
}
"""Packed fields whose bytes on the wire are the array's own, with their tags."""


def data_type(dtype: DTypeLike) -> int:
    """The DataType of a NumPy dtype. Raises InvalidRequest if TensorFlow has none."""
    return _kind_of(np.dtype(dtype)).number


def numpy_dtype(number: int) -> np.dtype[Any]:
    """The NumPy dtype of a DataType; object for strings. Raises InvalidRequest if there is none."""
    kind = _BY_NUMBER.get(number)
    if kind is None:
        raise InvalidRequest(f"{_type_name(number)} is not a type that can be exchanged")
    return kind.dtype


def shape_proto(shape: Iterable[int] | None) -> Any:
    """A TensorShapeProto; -1 is an open dimension, None an unknown rank."""
    if shape is None:
        return TensorShapeProto(unknown_rank=True)
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape])


def encode(array: NDArray[Any], *, as_content: bool = False) -> Any:
    """A TensorProto; in the typed field, as TensorFlow Serving answers, or in `tensor_content`.

    Text is encoded as UTF-8. Strings have no `tensor_content` that TensorFlow's Python code can read, so
    they always go into the typed field.
    """
    kind = _kind_of(array.dtype)
    tensor = TensorProto(dtype=kind.number, tensor_shape=shape_proto(array.shape))
    if kind is _STRING:
        tensor.string_val.extend([_to_bytes(value) for value in array.ravel().tolist()])
    elif as_content:
        tensor.tensor_content = array.astype(kind.dtype, copy=False).tobytes()
    else:
        _fill(tensor, kind, array.astype(kind.dtype, copy=False))
    return tensor


def decode(name: str, tensor: Any, *, max_bytes: int = MAX_BYTES) -> NDArray[Any]:
    """The array in a TensorProto; it may be read-only. `name` is for the message of an error.

    Raises InvalidRequest if the tensor is malformed or would need more than `max_bytes`.
    """
    kind = _BY_NUMBER.get(tensor.dtype)
    if kind is None:
        raise _malformed(name, f"its dtype is {_type_name(tensor.dtype)}")
    shape = _shape(name, tensor.tensor_shape)
    count = _count(name, shape, kind.dtype.itemsize, max_bytes)
    if not tensor.tensor_content:
        return _typed(name, tensor, kind, shape, count)
    if kind is _STRING:
        return _string_content(name, tensor.tensor_content, shape, count)
    return _content(name, tensor.tensor_content, kind.dtype, shape, count)


def _kind_of(dtype: np.dtype[Any]) -> _Kind:
    if dtype.kind in "OSU":
        return _STRING
    kind = _BY_DTYPE.get(dtype.newbyteorder("="))
    if kind is None:
        raise InvalidRequest(f"arrays of {dtype} cannot be exchanged")
    return kind


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise InvalidRequest(f"an array of text holds {type(value).__name__}, not str or bytes")


def _fill(tensor: Any, kind: _Kind, array: NDArray[Any]) -> None:
    """Puts values into the typed field."""
    if not array.size:
        return
    tag = _RAW_TAGS.get(kind.field)
    if tag is not None:
        # Forty times faster than `extend`, which makes a Python object of every value.
        raw = array.tobytes()
        tensor.MergeFromString(tag + _varint(len(raw)) + raw)
        return
    stored = array.view(kind.stored) if kind.field == "half_val" else array
    getattr(tensor, kind.field).extend(stored.ravel().tolist())


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _shape(name: str, proto: Any) -> tuple[int, ...]:
    if proto.unknown_rank:
        raise _malformed(name, "its shape has no rank")
    if len(proto.dim) > _MAX_RANK:
        raise _malformed(name, f"it has {len(proto.dim)} dimensions, and {_MAX_RANK} are allowed")
    shape = tuple(dim.size for dim in proto.dim)
    if any(size < 0 for size in shape):
        raise _malformed(name, f"its shape {list(shape)} has a negative dimension")
    return shape


def _count(name: str, shape: tuple[int, ...], itemsize: int, max_bytes: int) -> int:
    """The number of values of a shape, which fits into memory with all dimensions that are not 0."""
    if math.prod(size for size in shape if size) * itemsize > max_bytes:
        raise _malformed(name, f"its shape {list(shape)} needs more than {max_bytes} bytes")
    return math.prod(shape)


def _content(
    name: str, content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], count: int
) -> NDArray[Any]:
    expected = count * dtype.itemsize
    if len(content) != expected:
        raise _malformed(
            name,
            f"its shape {list(shape)} of {dtype} takes {expected} bytes, "
            f"and tensor_content has {len(content)}",
        )
    if dtype == np.bool_ and content.translate(None, b"\x00\x01"):
        raise _malformed(name, "tensor_content holds bytes that are no booleans")
    return np.frombuffer(content, dtype).reshape(shape)


def _typed(name: str, tensor: Any, kind: _Kind, shape: tuple[int, ...], count: int) -> NDArray[Any]:
    field = getattr(tensor, kind.field)
    parts = 2 if kind.dtype.kind == "c" else 1
    given, odd = divmod(len(field), parts)
    if odd or (given != count and not (given == 1 and count > 1)):
        raise _malformed(
            name, f"its shape {list(shape)} takes {count} values, and {kind.field} has {given}"
        )
    values = _values(name, field, kind)
    if given == count:
        return values.reshape(shape)
    return np.broadcast_to(values.reshape(()), shape)


def _values(name: str, field: Any, kind: _Kind) -> NDArray[Any]:
    """The values of a typed field, one dimension."""
    if kind is _STRING:
        return _objects(list(field))
    values = np.asarray(field)
    if values.dtype != kind.stored:
        values = _narrowed(name, values, kind)
    return values.view(kind.dtype)


def _narrowed(name: str, values: NDArray[Any], kind: _Kind) -> NDArray[Any]:
    """Small integers and the bits of half floats travel as int32."""
    bounds = np.iinfo(kind.stored)
    wrong = (values < bounds.min) | (values > bounds.max)
    if wrong.any():
        raise _malformed(name, f"{kind.field} holds {values[wrong][0]}, which is no {kind.dtype}")
    return values.astype(kind.stored)


def _string_content(name: str, content: bytes, shape: tuple[int, ...], count: int) -> NDArray[Any]:
    """The lengths of all strings as varints, then the strings."""
    lengths, position = [], 0
    try:
        for _ in range(min(count, len(content))):
            length, position = _read_varint(content, position)
            lengths.append(length)
    except IndexError:
        raise _malformed(name, "tensor_content ends within the lengths of its strings") from None
    if len(lengths) != count or position + sum(lengths) != len(content):
        raise _malformed(name, f"tensor_content does not hold {count} strings")
    values = []
    for length in lengths:
        values.append(content[position : position + length])
        position += length
    return _objects(values).reshape(shape)


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    """A varint of 32 bits and the position behind it. Raises IndexError if it does not end."""
    value = 0
    for shift in range(0, 35, 7):
        byte = content[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise IndexError("varint too long")


def _objects(values: list[bytes]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _type_name(number: int) -> str:
    value = DataType.values_by_number.get(number)
    return value.name if value is not None else f"DataType {number}"


def _malformed(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"tensor parsing error: {name}: {why}",
        reason="MALFORMED_TENSOR",
        violations=(Violation(f"inputs.{name}", why),),
    )
