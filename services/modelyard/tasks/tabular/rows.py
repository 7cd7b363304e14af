"""Whether the rows of a dataset are a table whose target is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modelyard.errors import BadData, Violation
from modelyard.examples import Examples
from modelyard.tasks import columns

if TYPE_CHECKING:
    from modelyard.tasks.tabular.task import Tabular

LEAST_ROWS = 3


def check_inputs(task: Tabular, examples: Examples) -> None:
    """Missing values are welcome here."""
    for name in inputs(task, examples):
        _check_size(examples, name)


def inputs(task: Tabular, examples: Examples) -> dict[str, str]:
    """The columns that are learned from, and whether each holds numbers or text.

    Raises BadData if there is none, or one holds something else.
    """
    names = task.columns or [
        name for name in examples.columns if name not in (task.target, task.weight)
    ]
    if not names:
        raise BadData.of(examples.source, "there is no column beside the target to learn from")
    return {name: _kind(examples, name) for name in names}


def _kind(examples: Examples, name: str) -> str:
    values = examples.columns[name]
    is_text = values.dtype == object and not any(isinstance(v, bytes) for v in values[:1])
    if values.ndim > 1 or (values.dtype == object and not is_text):
        raise BadData.of(
            f"{examples.source}[{name}]",
            "is no column of a table",
            expected="a number or a text for each row",
            received=f"{values.dtype} {values.shape}",
        )
    return "text" if is_text else "number"


def check_target(examples: Examples, name: str) -> None:
    BadData.refuse(columns.not_numbers(examples, name))
    if len(examples) < LEAST_ROWS:
        raise BadData.of(
            examples.source,
            "too few rows to hold some out",
            expected=f"at least {LEAST_ROWS}",
            received=str(len(examples)),
        )


def check_counts(examples: Examples, name: str) -> None:
    """Raises BadData naming the rows that are negative, or all of them if there is nothing to count."""
    values = examples.columns[name].astype(np.float64)
    BadData.refuse(
        Violation(
            examples.where(int(row)), f"column {name!r} is no count", "0 or more", str(values[row])
        )
        for row in np.flatnonzero(values < 0)
    )
    if not values.any():
        raise BadData.of(
            f"{examples.source}[{name}]",
            "there is nothing to count",
            expected="a value above 0",
            received="only 0",
        )


def _check_size(examples: Examples, name: str) -> None:
    """A missing number is NaN; one that float32 cannot hold is an error."""
    values = examples.columns[name]
    if values.dtype == object:
        return
    BadData.refuse(
        Violation(
            examples.where(int(row)),
            f"column {name!r} is too large",
            "a number below 1e30",
            str(values[row]),
        )
        for row in np.flatnonzero(np.abs(values.astype(np.float64)) >= columns.LARGEST)
    )
