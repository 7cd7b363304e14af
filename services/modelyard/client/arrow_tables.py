"""Tables of pandas, Polars, pyarrow, DuckDB …, read through Arrow's C stream interface, which all of them speak.

https://arrow.apache.org/docs/format/CStreamInterface.html: the table hands out a pointer to a structure of
the C language; it is read where it lies, so that none of these libraries is imported here.
"""

import ctypes as c
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from modelyard.client.errors import InvalidRequest

_NUMBERS = {
    "c": "b",
    "C": "B",
    "s": "h",
    "S": "H",
    "i": "i",
    "I": "I",
    "l": "q",
    "L": "Q",
    "e": "e",
    "f": "f",
    "g": "d",
}
"""Arrow's letter of a type of numbers, and that of the standard library's `struct`."""
_INLINE = 12  # bytes of a string that a string view holds itself


class _Schema(c.Structure):
    pass


class _Array(c.Structure):
    pass


class _Stream(c.Structure):
    pass


_Schema._fields_ = [
    ("format", c.c_char_p),
    ("name", c.c_char_p),
    ("metadata", c.c_void_p),
    ("flags", c.c_int64),
    ("n_children", c.c_int64),
    ("children", c.POINTER(c.POINTER(_Schema))),
    ("dictionary", c.POINTER(_Schema)),
    ("release", c.CFUNCTYPE(None, c.POINTER(_Schema))),
    ("private_data", c.c_void_p),
]
_Array._fields_ = [
    ("length", c.c_int64),
    ("null_count", c.c_int64),
    ("offset", c.c_int64),
    ("n_buffers", c.c_int64),
    ("n_children", c.c_int64),
    ("buffers", c.POINTER(c.c_void_p)),
    ("children", c.POINTER(c.POINTER(_Array))),
    ("dictionary", c.POINTER(_Array)),
    ("release", c.CFUNCTYPE(None, c.POINTER(_Array))),
    ("private_data", c.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", c.CFUNCTYPE(c.c_int, c.POINTER(_Stream), c.POINTER(_Schema))),
    ("get_next", c.CFUNCTYPE(c.c_int, c.POINTER(_Stream), c.POINTER(_Array))),
    ("get_last_error", c.CFUNCTYPE(c.c_char_p, c.POINTER(_Stream))),
    ("release", c.c_void_p),
    ("private_data", c.c_void_p),
]


def speaks(value: Any) -> bool:
    return hasattr(value, "__arrow_c_stream__")


def rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a table, each column by its name; a null is None.

    Columns hold numbers, booleans, texts or categories of these. Raises InvalidRequest naming another one.
    """
    try:
        capsule = table.__arrow_c_stream__()  # keeps what it points to until it is gone
    except ImportError:
        return _records(table)
    stream = c.cast(_pointer(capsule), c.POINTER(_Stream))
    schema = _Schema()
    _check(stream, stream.contents.get_schema(stream, c.byref(schema)))
    try:
        if schema.format != b"+s":
            raise InvalidRequest(
                "expected a table with columns, received an Arrow stream of one array"
            )
        return [row for batch in _batches(stream) for row in _rows(schema, batch)]
    finally:
        schema.release(c.byref(schema))


def _records(frame: Any) -> list[dict[str, Any]]:
    """Of a DataFrame of pandas, which speaks Arrow only where pyarrow is installed. Its NaN is a missing value."""
    return [
        {str(name): None if value != value else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _batches(stream: Any) -> Iterator[_Array]:
    while True:
        array = _Array()
        _check(stream, stream.contents.get_next(stream, c.byref(array)))
        if not array.release:
            return
        try:
            yield array
        finally:
            array.release(c.byref(array))


def _rows(schema: _Schema, batch: _Array) -> list[dict[str, Any]]:
    names = [schema.children[i].contents.name.decode() for i in range(schema.n_children)]
    columns = [
        _column(name, schema.children[i].contents, batch.children[i].contents, batch)
        for i, name in enumerate(names)
    ]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _column(name: str, schema: _Schema, array: _Array, batch: _Array) -> list[Any]:
    return _values(name, schema, array, array.offset + batch.offset, batch.length)


def _values(name: str, schema: _Schema, array: _Array, start: int, length: int) -> list[Any]:
    kind = schema.format.decode()
    if kind == "n" or length == 0:
        return [None] * length
    if schema.dictionary:
        known = array.dictionary.contents
        words = _values(
            name, schema.dictionary.contents, known, int(known.offset), int(known.length)
        )
        codes = _present(array, start, _numbers(array, _NUMBERS[kind], start, length))
        return [None if code is None else words[code] for code in codes]
    return _present(array, start, _read(name, kind, array, start, length))


def _read(name: str, kind: str, array: _Array, start: int, length: int) -> Sequence[Any]:
    if kind in _NUMBERS:
        return _numbers(array, _NUMBERS[kind], start, length)
    if kind == "b":
        return [_bit(array.buffers[1], start + i) for i in range(length)]
    if kind in ("u", "U"):
        return _texts(array, "i" if kind == "u" else "q", start, length)
    if kind == "vu":
        return _viewed_texts(array, start, length)
    raise InvalidRequest(
        f"column {name!r}: expected numbers, booleans or texts, received Arrow's type {kind!r}",
        reason="WRONG_INPUT",
    )


def _present(array: _Array, start: int, values: Sequence[Any]) -> list[Any]:
    validity = array.buffers[0]
    if not validity:
        return list(values)
    return [v if _bit(validity, start + i) else None for i, v in enumerate(values)]


def _numbers(array: _Array, letter: str, start: int, length: int) -> tuple[Any, ...]:
    size = struct.calcsize(f"={letter}")
    data = c.string_at(array.buffers[1] + start * size, length * size)
    return struct.unpack(f"={length}{letter}", data)


def _texts(array: _Array, letter: str, start: int, length: int) -> list[str]:
    offsets = _numbers(array, letter, start, length + 1)
    first, last = offsets[0], offsets[-1]
    data = c.string_at(array.buffers[2] + first, last - first) if last > first else b""
    return [data[a - first : b - first].decode() for a, b in pairwise(offsets)]


def _viewed_texts(array: _Array, start: int, length: int) -> list[str]:
    data = c.string_at(array.buffers[1] + start * 16, length * 16)
    return [_viewed_text(array, data[i * 16 : i * 16 + 16]) for i in range(length)]


def _viewed_text(array: _Array, view: bytes) -> str:
    (size,) = struct.unpack_from("=i", view)
    if size <= _INLINE:
        return view[4 : 4 + size].decode()
    buffer, offset = struct.unpack_from("=ii", view, 8)
    return c.string_at(array.buffers[2 + buffer] + offset, size).decode()


def _bit(buffer: int, position: int) -> bool:
    return bool(c.string_at(buffer + position // 8, 1)[0] >> position % 8 & 1)


def _check(stream: Any, status: int) -> None:
    if status:
        why = stream.contents.get_last_error(stream) or b""
        raise InvalidRequest(
            f"the table could not be read: {why.decode('utf-8', 'replace') or status}"
        )


def _pointer(capsule: object) -> int:
    get: Callable[..., int] = c.PYFUNCTYPE(c.c_void_p, c.py_object, c.c_char_p)(
        ("PyCapsule_GetPointer", c.pythonapi)
    )
    return get(capsule, b"arrow_array_stream")
