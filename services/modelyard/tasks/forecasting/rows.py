"""Whether the rows of a dataset are a series: numbers without gaps, in order, and enough of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import BadData, Violation
from modelyard.examples import Examples
from modelyard.tasks import columns

if TYPE_CHECKING:
    from modelyard.tasks.forecasting.task import Forecasting

_MONTH = re.compile(r"\d{4}-\d{2}")


def check(task: Forecasting, examples: Examples) -> None:
    for name in (task.target, *task.covariates):
        BadData.refuse(columns.not_numbers(examples, name))
    if task.time is not None:
        BadData.refuse(_disorder(examples, task.time))
    least = task.steps + 3 * task.horizon
    if len(examples) < least:
        raise BadData.of(
            examples.source,
            "the series is too short for the window, and a horizon to train on, to choose and to judge by",
            expected=f"at least {least} rows",
            received=str(len(examples)),
        )


def _disorder(examples: Examples, name: str) -> Iterator[Violation]:
    """Rows whose time cannot be read, or is not after the one before."""
    before: Any = None
    for row, value in enumerate(examples.columns[name].tolist()):
        time = parse(value)
        if time is None:
            yield Violation(
                examples.where(row),
                f"column {name!r} holds no time",
                "a number, or a date such as 2026-03 or 2026-03-31T12:00",
                repr(value),
            )
            continue
        if before is not None and time <= before:
            what = "the same time twice" if time == before else "a time before that of the last row"
            yield Violation(
                examples.where(row), f"column {name!r} holds {what}", "times in order", str(value)
            )
        before = time


def parse(value: Any) -> float | None:
    """Seconds, or the number itself; None if it is neither a number nor an ISO 8601 date."""
    if not isinstance(value, str):
        return None if value != value else float(value)
    try:
        time = datetime.fromisoformat(f"{value}-01" if _MONTH.fullmatch(value) else value)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def seasonal_naive(
    target: NDArray[np.float64], origins: NDArray[np.int64], horizon: int, season: int
) -> NDArray[np.float64]:
    """For each origin (the first row that is forecast) the last season before it, again and again."""
    steps = np.arange(horizon)
    rows = origins[:, np.newaxis] - season + steps % season
    repeated: NDArray[np.float64] = target[rows]
    return repeated
