"""How tasks look at the columns of a dataset, before and after it is read."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from modelyard.errors import InvalidRequest, Violation

if TYPE_CHECKING:
    from modelyard.examples import Column, ColumnKind, Examples, Schema

ColumnName = Annotated[str, Field(min_length=1, max_length=200)]

LARGEST = 1e30
"""float32, in which models compute, ends at 3e38."""

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
        wrong = Violation(
            f"task.{field}",
            f"the column {name!r} does not hold what the task needs",
            expected=" or ".join(_MEANING[kind] for kind in wanted),
            received=_MEANING[found.kind],
        )
        raise InvalidRequest.of_all((wrong, *_culprits(found, name, wanted)))
    return found


def _culprits(found: Column, name: str, wanted: Iterable[ColumnKind]) -> Iterator[Violation]:
    """The first values that keep a column from being one of numbers, where one of numbers is needed."""
    if "number" in wanted:
        for place, value in found.not_numbers:
            yield Violation(place, f"column {name!r} holds no number", "a number", value)


def classes(schema: Schema, name: str, *, field: str = "label") -> int | None:
    """How many classes a label has, where that is known."""
    found = column(schema, field, name, ("text", "number")).classes
    return None if found is None else len(found)


def not_numbers(examples: Examples, name: str) -> Iterator[Violation]:
    """The rows in which a column that must hold numbers holds none, or one too large to compute with."""
    for row, value in enumerate(examples.columns[name].tolist()):
        if not _is_number(value):
            received = "nothing" if value in ("", None) or value != value else repr(value)
            yield Violation(
                examples.where(row), f"column {name!r} has no value", "a number", received
            )


def _is_number(value: object) -> bool:
    """A column with one word in it is one of text, whatever its other values are."""
    try:
        return abs(float(value)) < LARGEST  # type: ignore[arg-type]  # the except is for the others
    except (TypeError, ValueError):
        return False
