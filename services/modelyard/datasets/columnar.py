"""Reads Parquet, a few megabytes at a time, and refuses what is no column of a table.

Arrow decodes in C++ what a stranger wrote, so `isolation` runs this in a process of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from modelyard.datasets import table
from modelyard.datasets.summary import ColumnSummary, Summary
from modelyard.datasets.tally import Cells, NumberColumn, Numbers, floats
from modelyard.datasets.unpacking import check_size
from modelyard.errors import BadData
from modelyard.examples import Examples

if TYPE_CHECKING:
    from modelyard.datasets.parquet import Parquet

_MAGIC = b"PAR1"
_LARGEST_FOOTER = 32 * 1024 * 1024
_MOST_ROWS = 100_000_000
_BATCH_BYTES = 16 * 1024 * 1024
_BATCH_ROWS = 8192
_ACCEPTED = "numbers, texts, dates, bytes, or lists of numbers of a fixed length"

_Form = Literal["number", "text", "bytes", "image", "array"]
"""What a column is made of; an image is a struct with the field `bytes`, as data hubs store them."""


@dataclass(frozen=True)
class _Plan:
    """A column: how it is stored, and what it is wanted as."""

    name: str
    form: _Form
    wanted: Literal["number", "text"] | None
    where: str

    def values(self, column: Any) -> NDArray[Any]:
        """The values of a piece of the column; missing ones are NaN, "" or b""."""
        match self.form:
            case "array":
                return _arrays(column, self.where)
            case "bytes":
                return table.texts(_known(column, b""))
            case "image":
                return table.texts(_known(pc.struct_field(column, "bytes"), b""))
            case "number" if self.wanted != "text":
                return _numbers(column)
        return table.texts(_known(_text(column), ""))


def summarise(dataset: "Parquet", path: Path, title: str) -> Summary:
    """In one pass and bounded memory. Raises BadData naming column or row."""
    with _opened(path, title) as file:
        plans = _plans(dataset, file, title)
        tallies = [_Tally(plan) for plan in plans]
        rows = 0
        for batch in _batches(file, plans):
            for tally, plan in zip(tallies, plans, strict=True):
                tally.add(plan.values(batch.column(plan.name)), _where(title, rows))
            rows += batch.num_rows
    table.check_cells(rows, len(plans), title)
    return Summary(rows, {tally.plan.name: tally.summary() for tally in tallies})


def read(dataset: "Parquet", path: Path, title: str, found: Summary) -> Examples:
    """All rows; `found` says which columns hold numbers."""
    with _opened(path, title) as file:
        plans = _plans(dataset, file, title)
        return _examples(_batches(file, plans), plans, title)


def head(dataset: "Parquet", path: Path, title: str, rows: int) -> Examples:
    """The first rows."""
    with _opened(path, title) as file:
        plans = _plans(dataset, file, title)
        return _examples(islice(_batches(file, plans, rows), 1), plans, title)


def _examples(batches: Iterator[Any], plans: Sequence[_Plan], title: str) -> Examples:
    parts: dict[str, list[NDArray[Any]]] = {plan.name: [] for plan in plans}
    for batch in batches:
        for plan in plans:
            values = plan.values(batch.column(plan.name))
            parts[plan.name].append(_wanted(values, plan))
    table.check_rows(parts, title)
    columns = {name: np.concatenate(part) for name, part in parts.items()}
    return Examples(columns, title, first_line=0)


def _wanted(values: NDArray[Any], plan: _Plan) -> NDArray[Any]:
    if plan.form == "text" and plan.wanted == "number":
        numbers = floats(values.tolist())
        if numbers is None:
            raise BadData.of(plan.where, "holds a text that is no number", expected="numbers")
        return numbers
    return values


class _Tally:
    """What a column comes to."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self._shape: tuple[int, ...] = ()
        self._missing = 0
        self._numbers = Numbers()
        self._column = NumberColumn()
        self._cells = Cells(plan.name, plan.wanted or "text")

    def add(self, values: NDArray[Any], where: Callable[[int], str]) -> None:
        if self.plan.form == "array":
            self._shape = values.shape[1:]
            self._numbers.add(values)
        elif self.plan.form in ("bytes", "image"):
            self._missing += values.tolist().count(b"")
        elif values.dtype == object:
            self._cells.add(values.tolist(), where)
        else:
            self._column.add(values)

    def summary(self) -> ColumnSummary:
        match self.plan.form:
            case "array":
                return self._numbers.complete(ColumnSummary("array", self._shape))
            case "bytes" | "image":
                return ColumnSummary("bytes", missing=self._missing)
            case "number" if self.plan.wanted != "text":
                return self._column.summary()
        return self._cells.summary()


@contextmanager
def _opened(path: Path, title: str) -> Iterator[Any]:
    _check_footer(path, title)
    try:
        with pq.ParquetFile(
            path,
            buffer_size=1024 * 1024,
            thrift_string_size_limit=_LARGEST_FOOTER,
            thrift_container_size_limit=1_000_000,
        ) as file:
            _check_size(file.metadata, path, title)
            yield file
    except MemoryError:
        raise BadData.of(
            title, "needs more memory than is allowed", reason="UNPACKS_TO_TOO_MUCH"
        ) from None
    except (pa.ArrowException, OSError, UnicodeError, OverflowError) as error:
        line = str(error).partition("\n")[0]
        raise BadData.of(title, f"is no readable Parquet file: {line}") from None


def _check_footer(path: Path, title: str) -> None:
    """The footer is read into memory as a whole, so its size is looked at first."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        begin = file.read(4)
        file.seek(max(0, size - 8))
        end = file.read(8)
    if begin != _MAGIC or end[4:] != _MAGIC:
        raise BadData.of(title, "is no Parquet file")
    length = int.from_bytes(end[:4], "little")
    if length > min(size, _LARGEST_FOOTER):
        raise BadData.of(
            title,
            "has a footer that cannot be",
            expected=f"at most {min(size, _LARGEST_FOOTER)} bytes",
            received=str(length),
        )


def _check_size(metadata: Any, path: Path, title: str) -> None:
    table.check_width(metadata.num_columns, title)
    if metadata.num_rows > _MOST_ROWS:
        raise BadData.of(
            title,
            "holds too many rows",
            expected=f"at most {_MOST_ROWS}",
            received=str(metadata.num_rows),
            reason="UNPACKS_TO_TOO_MUCH",
        )
    check_size(_unpacked(metadata), path.stat().st_size, title)
    if metadata.num_rows > 0:
        table.check_cells(metadata.num_rows, metadata.num_columns, title)


def _unpacked(metadata: Any) -> int:
    """Bytes of all row groups, as the footer says."""
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    return sum(max(group.total_byte_size, 0) for group in groups)


def _plans(dataset: "Parquet", file: Any, title: str) -> list[_Plan]:
    names = file.schema_arrow.names
    table.check_names(names, title)
    table.check_kinds(dataset.kinds, names)
    return [
        _Plan(
            field.name,
            _form(field.type, f"{title}[{field.name}]"),
            dataset.kinds.get(field.name),
            f"{title}[{field.name}]",
        )
        for field in file.schema_arrow
    ]


def _form(kind: Any, where: str) -> _Form:
    if pa.types.is_dictionary(kind):
        return _form(kind.value_type, where)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if _is_text(kind):
        return "text"
    if _is_bytes(kind):
        return "bytes"
    if _is_image(kind):
        return "image"
    if pa.types.is_fixed_size_list(kind) and _form(kind.value_type, where) == "number":
        return "array"
    raise BadData.of(
        where, "is no column that can be learned from", expected=_ACCEPTED, received=str(kind)[:200]
    )


def _is_image(kind: Any) -> bool:
    has_bytes = pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
    return has_bytes and _is_bytes(kind.field("bytes").type)


def _is_text(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_boolean(kind)
        or types.is_timestamp(kind)
        or types.is_date(kind)
        or types.is_null(kind)
    )


def _is_bytes(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    )


def _batches(file: Any, plans: Sequence[_Plan], most: int = _BATCH_ROWS) -> Iterator[Any]:
    metadata = file.metadata
    row = max(1, _unpacked(metadata) // max(metadata.num_rows, 1))
    size = max(1, min(most, _BATCH_ROWS, _BATCH_BYTES // row))
    names = [plan.name for plan in plans]
    yield from file.iter_batches(batch_size=size, columns=names, use_threads=False)


def _where(title: str, first: int) -> Callable[[int], str]:
    return lambda row: f"{title}:{first + row}"


def _numbers(column: Any) -> NDArray[np.float64]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    return values


def _text(column: Any) -> Any:
    return column.cast(pa.string())


def _known(column: Any, missing: str | bytes) -> list[Any]:
    return [missing if value is None else value for value in column.to_pylist()]


def _arrays(column: Any, where: str) -> NDArray[Any]:
    values = column.flatten()
    if column.null_count or values.null_count:
        raise BadData.of(where, "has missing values, which lists may not have")
    numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    if numbers.dtype == object:  # decimals
        numbers = _numbers(values)
    return numbers.reshape(len(column), column.type.list_size)
