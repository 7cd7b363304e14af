"""What a whole dataset comes to, found in one pass and small enough to keep."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from modelyard.examples import Column, ColumnKind, Schema


@dataclass(frozen=True)
class ColumnSummary:
    """What the values of a column come to. None: not known, or of no meaning for this kind."""

    kind: ColumnKind
    shape: tuple[int | None, ...] = ()
    """Of one value."""
    missing: int = 0
    """How many rows have no value."""
    distinct: int | None = None
    """How many different values there are; None if too many to count."""
    classes: Mapping[str, int] | None = None
    """How often each value comes, where there are few enough to be classes; in the order of classes."""
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    not_numbers: tuple[tuple[str, str], ...] = ()
    """Where the first values stand that make this a column of text, and what they are."""

    def column(self) -> Column:
        names = None if self.classes is None else tuple(self.classes)
        return Column(self.kind, self.shape, names, self.not_numbers)


@dataclass(frozen=True)
class Summary:
    rows: int
    columns: Mapping[str, ColumnSummary]

    def schema(self) -> Schema:
        return Schema({name: found.column() for name, found in self.columns.items()}, self.rows)

    def json(self) -> dict[str, Any]:
        """For people and for `of_json`."""
        return {
            "rows": self.rows,
            "columns": [{"name": name, **asdict(c)} for name, c in self.columns.items()],
        }

    @classmethod
    def of_json(cls, text: bytes) -> "Summary":
        """Raises ValueError, KeyError and TypeError for what `json` did not make."""
        value = json.loads(text)
        return cls(value["rows"], {c.pop("name"): _column(c) for c in value["columns"]})


def finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else None


def _column(fields: dict[str, Any]) -> ColumnSummary:
    fields["shape"] = tuple(fields["shape"])
    fields["not_numbers"] = tuple((place, value) for place, value in fields["not_numbers"])
    return ColumnSummary(**fields)
