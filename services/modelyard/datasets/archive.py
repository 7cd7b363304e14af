"""Reads .npz archives without trusting them: sizes are checked before anything is allocated."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from modelyard.datasets import packed, table
from modelyard.errors import BadData
from modelyard.examples import Column, Examples, Schema

_KINDS = "biufUS"


@dataclass(frozen=True)
class _Header:
    """What an array says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def read(path: Path, title: str) -> Examples:
    """All arrays. Raises BadData naming the array."""
    with packed.opened(path, title) as archive:
        headers = _headers(archive, title)
        columns = {name: _values(archive, name, title) for name in headers}
    table.check_rows(columns, title)
    return Examples(columns, title, first_line=0)


def schema(path: Path, title: str) -> Schema:
    """Reads the headers alone, and the values of what may be a label where they are few."""
    with packed.opened(path, title) as archive:
        headers = _headers(archive, title)
        columns = {name: _describe(archive, name, head, title) for name, head in headers.items()}
    rows = next(iter(headers.values())).shape[0]
    return Schema(columns, rows)


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
    return _Header(shape, dtype)


def _read_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = npy.read_array_header_1_0(file)
        else:
            shape, _, dtype = npy.read_array_header_2_0(file)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise BadData.of(where, f"is no array: {error}") from None
    return shape, dtype


def _check_dtype(dtype: np.dtype[Any], rank: int, where: str) -> None:
    if dtype.hasobject:
        raise BadData.of(where, "holds pickled objects, which are never read; store plain arrays")
    is_text = dtype.kind in "US"
    if dtype.kind not in _KINDS or (is_text and rank != 1):
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


def _values(archive: zipfile.ZipFile, name: str, title: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        try:
            values = npy.read_array(file, allow_pickle=False)
        except ValueError as error:
            raise BadData.of(f"{title}[{name}]", f"is no array: {error}") from None
    return values.astype(object) if values.dtype.kind in "US" else values


def _describe(archive: zipfile.ZipFile, name: str, header: _Header, title: str) -> Column:
    if len(header.shape) > 1:
        return Column("array", header.shape[1:])
    if header.dtype.kind == "S":
        return Column("bytes")
    if _bytes(header.shape, header.dtype) > table.SMALL_FILE:
        return Column("text" if header.dtype.kind == "U" else "number")
    values = Examples({name: _values(archive, name, title)})
    return table.schema(values, complete=True).columns[name]
