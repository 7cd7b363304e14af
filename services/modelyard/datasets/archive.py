"""Reads .npz archives without trusting them: sizes are checked before anything is allocated."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from modelyard import examples
from modelyard.datasets import packed, table
from modelyard.datasets.member_names import UNSAFE
from modelyard.datasets.summary import ColumnSummary, Summary
from modelyard.datasets.tally import Numbers, Values, classes
from modelyard.errors import BadData
from modelyard.examples import Examples

_KINDS = "biufUS"
_UNREADABLE = (ValueError, TypeError, SyntaxError, TokenError, MemoryError, RecursionError)
"""What NumPy's reader of headers is known to raise."""
_LARGEST_ITEM = 16 * 1024 * 1024
_PIECE = 4 * 1024 * 1024


@dataclass(frozen=True)
class _Header:
    """What an array says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    begin: int
    """How many bytes come before the values."""


def summarise(path: Path, title: str) -> Summary:
    """In one pass over the values, a piece at a time. Raises BadData naming the array."""
    with packed.opened(path, title) as archive:
        headers = _headers(archive, title)
        columns = {name: _summary(archive, name, head, title) for name, head in headers.items()}
    return Summary(next(iter(headers.values())).shape[0], columns)


def read(path: Path, title: str) -> Examples:
    """All arrays. Raises BadData naming the array."""
    with packed.opened(path, title) as archive:
        headers = _headers(archive, title)
        columns = {name: _values(archive, name, title) for name in headers}
    return Examples(columns, title, first_line=0)


def head(path: Path, title: str, rows: int) -> Examples:
    """The first rows of columns; of arrays with more dimensions the shape, and zeros for their values."""
    with packed.opened(path, title) as archive:
        headers = _headers(archive, title)
        columns = {name: _first(archive, name, head, rows) for name, head in headers.items()}
    return Examples(columns, title, first_line=0)


def _headers(archive: zipfile.ZipFile, title: str) -> dict[str, _Header]:
    names = [member.filename for member in archive.infolist()]
    if len(names) > table.MOST_COLUMNS:
        raise BadData.of(title, "too many arrays", expected=f"at most {table.MOST_COLUMNS}")
    for name in names:
        if not name.endswith(".npy"):
            raise BadData.of(title, "holds something that is no array", received=name)
    columns = [name.removesuffix(".npy") for name in names]
    table.check_names(columns, title)
    headers = {name: _header(archive, name, title) for name in columns}
    _check_rows(headers, title)
    return headers


def _header(archive: zipfile.ZipFile, name: str, title: str) -> _Header:
    where = f"{title}[{name}]"
    with archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file, where)
        begin = file.tell()
    _check_dtype(dtype, len(shape), where)
    declared = archive.getinfo(f"{name}.npy").file_size - begin
    needed = _bytes(shape, dtype)
    # Checked first, because reading allocates what the header asks for.
    if needed != declared:
        raise BadData.of(
            where,
            "the array is not as long as it says",
            expected=f"{needed} bytes",
            received=str(declared),
        )
    return _Header(shape, dtype, begin)


def _read_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = npy.read_array_header_1_0(file)
        else:
            shape, _, dtype = npy.read_array_header_2_0(file)
    except _UNREADABLE as error:
        raise BadData.of(where, f"is no array: {error}") from None
    return shape, dtype


def _check_dtype(dtype: np.dtype[Any], rank: int, where: str) -> None:
    if dtype.hasobject:
        raise BadData.of(
            where, "holds pickled objects, which are never read; store plain arrays", reason=UNSAFE
        )
    is_text = dtype.kind in "US"
    is_sane = 0 < dtype.itemsize <= _LARGEST_ITEM
    if dtype.kind not in _KINDS or (is_text and rank != 1) or not is_sane:
        raise BadData.of(
            where,
            "holds a kind of values that is not known here",
            expected="numbers of any shape, or one text or bytes for each example",
            received=f"{dtype} of {rank} dimensions",
        )
    if rank == 0:
        raise BadData.of(where, "is a single value", expected="one value for each example")


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    count = 1
    for size in shape:  # Python's numbers do not overflow
        count *= max(size, 0)
    return count * dtype.itemsize


def _check_rows(headers: dict[str, _Header], title: str) -> None:
    rows = {name: header.shape[0] for name, header in headers.items()}
    if len(set(rows.values())) > 1:
        raise BadData.of(
            title,
            "the arrays have different numbers of examples",
            received=", ".join(f"{name}: {count}" for name, count in rows.items()),
        )
    table.check_rows({name: range(count) for name, count in rows.items()}, title)


def _values(archive: zipfile.ZipFile, name: str, title: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        try:
            values = npy.read_array(file, allow_pickle=False)
        except ValueError as error:
            raise BadData.of(f"{title}[{name}]", f"is no array: {error}") from None
    return values.astype(object) if values.dtype.kind in "US" else values


def _first(archive: zipfile.ZipFile, name: str, header: _Header, rows: int) -> NDArray[Any]:
    count = min(rows, header.shape[0])
    if len(header.shape) > 1:
        return np.broadcast_to(np.zeros((), header.dtype), (count, *header.shape[1:]))
    values = next(_pieces(archive, name, header), np.empty(0, header.dtype))[:count]
    return values.astype(object) if header.dtype.kind in "US" else values


def _summary(archive: zipfile.ZipFile, name: str, header: _Header, title: str) -> ColumnSummary:
    tally = _Tally(header)
    for piece in _pieces(archive, name, header):
        tally.add(piece)
    return tally.summary()


class _Tally:
    """What an array comes to."""

    def __init__(self, header: _Header) -> None:
        self._header = header
        self._values = Values()
        self._numbers = Numbers()
        self._missing = 0

    def add(self, piece: NDArray[Any]) -> None:
        if piece.dtype.kind not in "US":
            self._numbers.add(piece)
        if len(self._header.shape) > 1 or piece.dtype.kind == "S":
            return
        values = piece.tolist()
        if piece.dtype.kind == "U":
            self._missing += values.count("")
        self._values.add(values)

    def summary(self) -> ColumnSummary:
        shape, dtype = self._header.shape, self._header.dtype
        if len(shape) > 1:
            return self._numbers.complete(ColumnSummary("array", shape[1:]))
        if dtype.kind == "S":
            return ColumnSummary("bytes")
        named = self._values.named(self._labels)
        found = ColumnSummary(
            "text" if dtype.kind == "U" else "number",
            missing=self._missing if dtype.kind == "U" else shape[0] - self._numbers.present,
            distinct=None if named is None else len(named),
            classes=classes(named),
        )
        return self._numbers.complete(found)

    def _labels(self, keys: Sequence[Any]) -> NDArray[np.object_]:
        dtype = object if self._header.dtype.kind == "U" else self._header.dtype
        return examples.labels(np.array(keys, dtype=dtype))


def _pieces(archive: zipfile.ZipFile, name: str, header: _Header) -> Iterator[NDArray[Any]]:
    """The values in the order of the file, a few megabytes at a time."""
    size = max(1, _PIECE // max(header.dtype.itemsize, 1)) * header.dtype.itemsize
    with archive.open(f"{name}.npy") as file:
        file.read(header.begin)
        while piece := file.read(size):
            yield np.frombuffer(piece, dtype=header.dtype)
