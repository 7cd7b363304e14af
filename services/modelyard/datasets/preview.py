"""The first rows of a dataset as JSON, for people to look at."""

import math
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from modelyard.datasets import isolation, source

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.datasets import Dataset

_EXACT = 2.0**53
"""Below it a float holds every whole number."""
_LONGEST = 2000
"""Letters of a text that are shown."""


def preview(dataset: "Dataset", store: "DatasetStore", most: int) -> list[dict[str, Any]]:
    """null where a value is missing; of bytes and arrays the size. Raises BadData."""
    if dataset.type != "parquet":
        return rows(dataset, store, most)
    title = source.title(dataset.source, store)
    found: list[dict[str, Any]] = isolation.ask(
        "preview", dataset.model_dump(mode="json"), store.root, title, rows=most
    )
    return found


def rows(dataset: "Dataset", store: "DatasetStore", most: int) -> list[dict[str, Any]]:
    """The same, in this process."""
    found = dataset.head(store, most)
    columns = {name: _shown(values) for name, values in found.columns.items()}
    return [{name: values[row] for name, values in columns.items()} for row in range(len(found))]


def _shown(values: NDArray[Any]) -> list[Any]:
    if values.ndim > 1:
        return [{"shape": list(values.shape[1:])}] * len(values)
    return [_value(value) for value in values.tolist()]


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | str | None:
    """As it was most probably written: columns of whole numbers are read as floats too."""
    if not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value
