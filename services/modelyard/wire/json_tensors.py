"""Between JSON and NumPy arrays, by the rules of TensorFlow Serving's REST API.

Types are strict: a float takes whole numbers, an integer takes no 1.0, a boolean only true and false. Bytes are
`{"b64": …}`. The shape is that of the nested lists, which must not be ragged.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest, ModelyardError, Unimplemented

_MAX_RANK = 64  # NumPy's own bound
_NAMES = {"float32": "float", "float64": "double", "object": "string"}
_ALLOWED: dict[str, set[type]] = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}}
_JSON_TYPES = {str: "String", int: "Number", float: "Number", dict: "Object", list: "Array"}
_DIGITS = {4: ("%.6g", "%.9g", np.float32), 8: ("%.6g", "%.17g", np.float64)}
"""Bytes of a float → its short form, one that is always exact, and its type."""


def parse(body: bytes) -> Any:
    """The value in a body. NaN, Infinity and -Infinity are numbers. Raises InvalidRequest."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise _not_json("it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise _not_json(f"{error.msg} at offset: {error.pos}") from error
    except ValueError as error:  # bytes that are no UTF-8, or an integer of thousands of digits
        raise _not_json(str(error)) from error


def decode(value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of exactly this dtype. Raises InvalidRequest, or Unimplemented for a dtype that JSON has no form for."""
    _check_exchangeable(dtype)
    shape, flat = _flattened(value)
    if dtype.kind == "O":
        return _objects([_to_bytes(item) for item in flat]).reshape(shape)
    _check_types(flat, dtype)
    try:
        array = np.array(flat, np.float64 if dtype.kind == "f" else dtype)
    except OverflowError as error:
        raise _out_of_range(flat, dtype) from error
    return _narrowed(array, dtype).reshape(shape)


def encode(array: NDArray[Any], *, as_base64: bool = False) -> str:
    """The JSON text of an array. Text that is not UTF-8 gets replacement characters, unless it is base64."""
    _check_exchangeable(array.dtype)
    texts = iter(_texts(array, as_base64))
    return _nested(array.shape, texts)


def bytes_of(value: Any) -> bytes:
    """What a string or `{"b64": …}` stands for. Raises InvalidRequest."""
    return _to_bytes(value)


def _flattened(value: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Level by level, so that neither depth nor size costs a Python call for each value."""
    shape: list[int] = []
    level: list[Any] = [value]
    while list in (kinds := set(map(type, level))):
        if len(kinds) > 1:
            raise _malformed(f"Encountered a list and a value side by side at level: {len(shape)}")
        sizes = list(map(len, level))
        if len(set(sizes)) > 1:
            other = next(size for size in sizes if size != sizes[0])
            raise _malformed(
                f"Encountered list at unexpected size: {other} at level: {len(shape)} "
                f"expected size: {sizes[0]}"
            )
        shape.append(sizes[0])
        if len(shape) > _MAX_RANK:
            raise _malformed(f"lists are nested more than {_MAX_RANK} levels deep")
        level = list(chain.from_iterable(level))
    return tuple(shape), level


def _check_types(flat: Sequence[Any], dtype: np.dtype[Any]) -> None:
    allowed = _ALLOWED[dtype.kind]
    if set(map(type, flat)) <= allowed:
        return
    wrong = next(item for item in flat if type(item) not in allowed)
    raise _wrong_type(wrong, dtype)


def _narrowed(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):  # checked at once
        narrow = array.astype(dtype)
    lost = np.isinf(narrow) & ~np.isinf(array)
    if lost.any():
        raise _wrong_type(float(array[lost][0]), dtype)
    return narrow


def _out_of_range(flat: Sequence[Any], dtype: np.dtype[Any]) -> InvalidRequest:
    if dtype.kind == "f":
        return _wrong_type(max(flat, key=lambda item: abs(item) if type(item) is int else 0), dtype)
    bounds = np.iinfo(dtype)
    wrong = next((item for item in flat if not bounds.min <= item <= bounds.max), flat[0])
    return _wrong_type(wrong, dtype)


def _to_bytes(value: Any) -> bytes:
    if type(value) is str:
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise _malformed("a string holds half of a surrogate pair") from error
    if type(value) is dict and value.keys() == {"b64"} and type(value["b64"]) is str:
        return _from_base64(value["b64"])
    raise _wrong_type(value, np.dtype(object))


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(f"Unable to base64 decode: {text[:40]!r}") from error


def _texts(array: NDArray[Any], as_base64: bool) -> list[str]:
    flat = array.ravel()
    if array.dtype == object:
        values = [value if isinstance(value, bytes) else str(value).encode() for value in flat]
        return [_text_of_bytes(value, as_base64) for value in values]
    if array.dtype.kind == "b":
        return ["true" if value else "false" for value in flat.tolist()]
    if array.dtype.kind == "f":
        return _decimals(flat)
    return list(map(str, flat.tolist()))


def _text_of_bytes(value: bytes, as_base64: bool) -> str:
    if as_base64:
        return json.dumps({"b64": base64.b64encode(value).decode()})
    return json.dumps(value.decode("utf-8", "replace"), ensure_ascii=False)


def _decimals(flat: NDArray[Any]) -> list[str]:
    """Six digits where they are exact, else as many as it takes; a whole number gets `.0`."""
    short, exact, kind = _DIGITS[flat.dtype.itemsize]
    numbers = flat.tolist()
    texts = [short % number for number in numbers]
    with np.errstate(over="ignore"):  # what rounds up beyond the largest float is not exact
        same = np.array(texts, np.float64).astype(kind) == flat
    return [
        _whole(text if is_same else exact % number)
        for text, is_same, number in zip(texts, same.tolist(), numbers, strict=True)
    ]


def _whole(text: str) -> str:
    if text.lstrip("-").isdigit():
        return f"{text}.0"
    return _NOT_FINITE.get(text, text)


_NOT_FINITE = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _nested(shape: tuple[int, ...], texts: Any) -> str:
    if not shape:
        return str(next(texts))
    return "[" + ", ".join(_nested(shape[1:], texts) for _ in range(shape[0])) + "]"


def _check_exchangeable(dtype: np.dtype[Any]) -> None:
    if dtype.kind in "Oiub" or dtype in (np.float32, np.float64):
        return
    raise Unimplemented(f"JSON has no form for tensors of {dtype}", reason="NO_JSON_FORM")


def _objects(values: list[bytes]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _wrong_type(value: Any, dtype: np.dtype[Any]) -> InvalidRequest:
    name = _NAMES.get(dtype.name, dtype.name)
    return _malformed(
        f"JSON Value: {_shown(value)} Type: {_type_of(value)} is not of expected type: {name}"
    )


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**64:
        return "a number beyond 64 bits"
    return json.dumps(value)[:60] if not isinstance(value, dict | list) else type(value).__name__


def _type_of(value: Any) -> str:
    if value is None:
        return "Null"
    return str(value) if value is True or value is False else _JSON_TYPES[type(value)]


def _malformed(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="MALFORMED_TENSOR")


def _not_json(why: str) -> ModelyardError:
    return InvalidRequest(f"JSON Parse error: {why}"[:300], reason="MALFORMED_REQUEST")
