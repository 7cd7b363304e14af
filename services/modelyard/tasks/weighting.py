"""The column that says how much each example counts."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING

from modelyard.errors import BadData, Violation
from modelyard.tasks import columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelyard.examples import Examples, Schema


def check_schema(schema: Schema, name: str | None) -> None:
    """Raises InvalidRequest unless the column is one of numbers."""
    if name is not None:
        columns.column(schema, "weight", name, ("number",))


def check(examples: Examples, name: str | None) -> None:
    """Raises BadData naming the rows whose weight is missing or negative."""
    if name is None:
        return
    BadData.refuse(columns.not_numbers(examples, name))
    values = examples.columns[name].astype(float)
    BadData.refuse(
        Violation(examples.where(row), f"column {name!r} is negative", "0 or more", str(value))
        for row, value in enumerate(values.tolist())
        if value < 0
    )


def weights(
    examples: Examples, name: str | None, train: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """Of every row, such that a row of the training part counts 1 on average; None without a column.

    Raises BadData if no row of the training part counts.
    """
    if name is None:
        return None
    values = examples.columns[name].astype("float64")
    mean = values[train].mean()
    if not mean > 0:
        raise BadData.of(
            f"{examples.source}[{name}]",
            "no example that is trained on counts",
            expected="a weight above 0",
        )
    scaled: NDArray[np.float32] = (values / mean).astype("float32")
    return scaled
