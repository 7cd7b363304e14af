"""How tasks look at the columns of a dataset, before and after it is read."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelyard.errors import InvalidRequest

if TYPE_CHECKING:
    from modelyard.examples import Column, ColumnKind, Schema

_MEANING: dict[ColumnKind, str] = {
    "number": "numbers",
    "text": "text",
    "bytes": "encoded images",
    "array": "arrays",
}


def column(schema: Schema, field: str, name: str, kinds: Iterable[ColumnKind]) -> Column:
    """The column that `field` of the task names.

    Raises InvalidRequest that lists the columns there are, or says what the column holds instead.
    """
    found = schema.columns.get(name)
    if found is None:
        raise InvalidRequest.of(
            f"task.{field}",
            "the dataset has no such column",
            expected=f"one of {', '.join(schema.columns)}",
            received=name,
        )
    wanted = tuple(kinds)
    if found.kind not in wanted:
        raise InvalidRequest.of(
            f"task.{field}",
            f"the column {name!r} does not hold what the task needs",
            expected=" or ".join(_MEANING[kind] for kind in wanted),
            received=_MEANING[found.kind],
        )
    return found


def classes(schema: Schema, name: str, *, field: str = "label") -> int | None:
    """How many classes a label has, where that is known."""
    found = column(schema, field, name, ("text", "number")).classes
    return None if found is None else len(found)
