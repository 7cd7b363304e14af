"""What the readers of tables share: names, rows that do not fit, and columns from cells."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.datasets.tally import Kind, floats
from modelyard.errors import BadData, InvalidRequest, Violation

MOST_COLUMNS = 10_000
_MOST_SHOWN = 20
_MOST_CELLS = 2_000_000_000


class Misfits:
    """The first rows that do not fit, and how many more there are."""

    def __init__(self) -> None:
        self._shown: list[Violation] = []
        self._more = 0

    def add(self, violations: Iterable[Violation]) -> None:
        found = iter(violations)
        self._shown += islice(found, _MOST_SHOWN - len(self._shown))
        self._more += sum(1 for _ in found)

    def refuse(self) -> None:
        """Raises BadData if there is any."""
        more = (Violation("", f"and {self._more} more like these"),) if self._more else ()
        BadData.refuse((*self._shown, *more), most=_MOST_SHOWN + 1)


def kind(cells: Iterable[str]) -> Kind:
    """Numbers if all cells are, or are empty, and one is not."""
    known = [cell for cell in cells if cell]
    return "number" if known and floats(known) is not None else "text"


def texts(cells: Sequence[str]) -> NDArray[np.object_]:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values


def check_names(names: Sequence[str], where: str) -> None:
    """Raises BadData unless there are names, none is empty and none comes twice."""
    check_width(len(names), where)
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if not name:
            raise BadData.of(where, f"column {position} has no name")
        if name in seen:
            raise BadData.of(
                where, f"columns {seen[name]} and {position} have the same name", received=name
            )
        seen[name] = position


def check_width(columns: int, where: str) -> None:
    if not columns:
        raise BadData.of(where, "the examples have no columns")
    if columns > MOST_COLUMNS:
        raise BadData.of(
            where,
            "too many columns; is the delimiter right?",
            expected=f"at most {MOST_COLUMNS}",
            received=str(columns),
        )


def check_cells(rows: int, columns: int, title: str) -> None:
    """Raises BadData if there are no rows, or more of them times columns than a machine can hold.

    For formats in which a missing value costs no byte.
    """
    if not rows:
        raise BadData.of(title, "the dataset holds no examples")
    if rows * columns > _MOST_CELLS:
        raise BadData.of(
            title,
            "is too large as a table",
            expected=f"at most {_MOST_CELLS} cells",
            received=f"{rows} rows of {columns} columns",
            reason="UNPACKS_TO_TOO_MUCH",
        )


def check_rows(columns: Mapping[str, Sized], title: str) -> None:
    if not columns or not any(len(values) for values in columns.values()):
        raise BadData.of(title, "the dataset holds no examples")


def check_kinds(kinds: Mapping[str, Kind], names: Iterable[str]) -> None:
    """Raises InvalidRequest if the request says what a column holds that is not there."""
    known = list(names)
    for name in kinds:
        if name not in known:
            raise InvalidRequest.of(
                f"dataset.kinds.{name}",
                "the dataset has no such column",
                expected=f"one of {', '.join(known[:50])}",
                received=name,
            )


def column(values: Sequence[Any], of: Kind) -> NDArray[Any]:
    """Plain values, None where there is none, as an array."""
    if of == "number":
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return texts(["" if value is None else value for value in values])
