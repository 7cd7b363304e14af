"""Between the Open Inference Protocol's tensors and NumPy arrays.

A tensor travels raw (little-endian, C order; a string is its length in four bytes and its bytes) or as a list of
values. Shapes and lengths come from strangers: sizes are compared before anything is allocated.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from ml_dtypes import bfloat16
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest, Unimplemented

_MAX_RANK = 64  # NumPy's own bound
_MAX_VALUES = 2**31 - 1
_LENGTH = struct.Struct("<I")
_DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BF16": np.dtype(bfloat16),
    "BYTES": np.dtype(object),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Datatype → the field of InferTensorContents that holds its values. The half floats have none: they travel raw."""


def datatype(dtype: np.dtype[Any]) -> str:
    """The protocol's name of a dtype. Raises Unimplemented if it has none."""
    name = _NAMES.get(np.dtype(object) if dtype.kind in "SU" else dtype)
    if name is None:
        raise Unimplemented(f"the protocol has no tensors of {dtype}", reason="NO_DATATYPE")
    return name


def dtype_of(name: str, datatype: str) -> np.dtype[Any]:
    """Raises InvalidRequest if there is no such datatype; `name` is the tensor's."""
    dtype = _DTYPES.get(datatype)
    if dtype is None:
        raise _malformed(f"unknown data-type '{datatype[:40]}' for inference input '{name}'")
    return dtype


def from_raw(
    name: str, model: str, datatype: str, shape: Sequence[int], raw: bytes
) -> NDArray[Any]:
    """The array in raw bytes; it is read-only. Raises InvalidRequest if they do not fit the shape."""
    dtype, count = dtype_of(name, datatype), _count(name, shape)
    if datatype == "BYTES":
        return _strings(name, raw, count).reshape(tuple(shape))
    expected = count * dtype.itemsize
    if len(raw) != expected:
        raise _malformed(
            f"input byte size mismatch for input '{name}' for model '{model}'. "
            f"Expected {expected}, got {len(raw)}"
        )
    if datatype == "BOOL" and raw.translate(None, b"\x00\x01"):
        raise _malformed(f"inference input '{name}' holds bytes that are no booleans")
    return np.frombuffer(raw, dtype).reshape(tuple(shape))


def from_values(
    name: str, model: str, datatype: str, shape: Sequence[int], values: Sequence[Any]
) -> NDArray[Any]:
    """The array in a list of values, flat. Raises InvalidRequest if they do not fit the shape or the datatype."""
    dtype, count = dtype_of(name, datatype), _count(name, shape)
    if len(values) != count:
        raise _malformed(
            f"unexpected number of values for input '{name}' for model '{model}'. "
            f"Expected {count}, got {len(values)}"
        )
    if datatype == "BYTES":
        return _objects(list(values)).reshape(tuple(shape))
    try:
        return np.array(values, dtype).reshape(tuple(shape))
    except (OverflowError, TypeError, ValueError) as error:
        raise _malformed(
            f"inference input '{name}' holds values that are no {datatype}: {error}"[:300]
        ) from error


def to_raw(array: NDArray[Any]) -> bytes:
    if array.dtype.kind not in "OSU":
        return array.tobytes()
    parts: list[bytes] = []
    for value in array.ravel().tolist():
        data = value if isinstance(value, bytes) else str(value).encode()
        parts += (_LENGTH.pack(len(data)), data)
    return b"".join(parts)


def _count(name: str, shape: Sequence[int]) -> int:
    # NumPy multiplies all that is not 0, also where there is a 0.
    most = math.prod(size for size in shape if size)
    if len(shape) > _MAX_RANK or any(size < 0 for size in shape) or most > _MAX_VALUES:
        raise _malformed(f"inference input '{name}' has a shape that cannot be: {list(shape)[:80]}")
    return math.prod(shape)


def _strings(name: str, raw: bytes, count: int) -> NDArray[Any]:
    if 4 * count > len(raw):
        raise _malformed(
            f"expected {count} string elements for inference input '{name}', got {len(raw)} bytes"
        )
    values: list[bytes] = []
    position = 0
    while position < len(raw):
        if position + 4 > len(raw):
            raise _malformed(
                f"incomplete string length indicator for inference input '{name}', "
                f"expecting 4 bytes but only {len(raw) - position} bytes available"
            )
        (length,) = _LENGTH.unpack_from(raw, position)
        position += 4
        if position + length > len(raw):
            raise _malformed(
                f"incomplete string data for inference input '{name}', expecting string of length "
                f"{length} but only {len(raw) - position} bytes available"
            )
        values.append(raw[position : position + length])
        position += length
    if len(values) != count:
        raise _malformed(
            f"expected {count} string elements for inference input '{name}', got {len(values)}"
        )
    return _objects(values)


def _objects(values: list[bytes]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _malformed(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="MALFORMED_TENSOR")
