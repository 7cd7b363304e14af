"""Asks about the rows of a file, batch by batch. A row that the model refuses is told, and the others go on."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from modelyard.cli.scoring.rows import BadRow, Row
from modelyard.cli.scoring.table import Table
from modelyard.client import Answer, Classifications, Forecasts, InvalidRequest, Values

_POSITION = re.compile(r"^\w+\[(\d+)\]\.?")

Asked = Callable[[list[Any]], Answer]
"""Asks about some values at once; raises InvalidRequest if one of them is refused."""


@dataclass
class Result:
    rows: int = 0
    """Those that were answered."""
    bad: int = 0
    versions: set[int] = field(default_factory=set)
    """More than one if the model was published anew meanwhile."""
    model: str = ""


def score(
    rows: Iterable[Row | BadRow],
    ask: Asked,
    table: Table,
    *,
    batch: int,
    refuse: Callable[[BadRow], None],
    reach: Callable[[int], None],
) -> Result:
    """`refuse` is told of every bad row, in the order of the file within a batch; it may raise to end the run."""
    result = Result()
    for some in _batches(rows, batch):
        good = [row for row in some if isinstance(row, Row)]
        bad = [row for row in some if isinstance(row, BadRow)]
        for row in bad:
            refuse(row)
        for answered in _ask(good, ask, result, refuse):
            table.write(answered)
        result.bad += len(bad)
        if good:
            reach(good[-1].done)
    return result


def _ask(
    rows: Sequence[Row], ask: Asked, result: Result, refuse: Callable[[BadRow], None]
) -> Iterator[dict[str, Any]]:
    """What is written of these rows; those that are refused are left out, and the rest is asked again."""
    if not rows:
        return
    try:
        answer = ask([row.value for row in rows])
    except InvalidRequest as error:
        refused = _refused(error, len(rows))
        if not refused and len(rows) > 1:
            middle = len(rows) // 2
            yield from _ask(rows[:middle], ask, result, refuse)
            yield from _ask(rows[middle:], ask, result, refuse)
            return
        refused = refused or {0: error.message}
        for position, message in sorted(refused.items()):
            refuse(BadRow(rows[position].where, message))
        result.bad += len(refused)
        rest = [row for position, row in enumerate(rows) if position not in refused]
        yield from _ask(rest, ask, result, refuse)
        return
    result.rows += len(rows)
    result.versions.add(answer.version)
    result.model = answer.model
    for row, told in zip(rows, _told(answer), strict=True):
        yield _beside(row.shown, told | {"model_version": answer.version})


def _refused(error: InvalidRequest, count: int) -> dict[int, str]:
    """The positions that the error names, and what is wrong there; empty if it names none."""
    found: dict[int, str] = {}
    for violation in error.violations:
        if (named := _POSITION.match(violation.field)) and int(named[1]) < count:
            text = str(violation)[named.end() :].lstrip(": ")
            found.setdefault(int(named[1]), text)
    return found


def _told(answer: Answer) -> Iterator[dict[str, Any]]:
    match answer:
        case Classifications():
            for result in answer.results:
                told: dict[str, Any] = {
                    "prediction": result.top.name,
                    "score": round(result.top.score, 6),
                }
                if len(result.classes) > 1:
                    told["classes"] = {c.name: round(c.score, 6) for c in result.classes}
                yield told
        case Values():
            yield from ({"prediction": value} for value in answer.values)
        case Forecasts():
            yield from ({"forecast": list(series)} for series in answer.series)


def _beside(shown: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The row and the answer; an answer takes no name that a column of the row has."""
    line = dict(shown)
    for name, value in told.items():
        free = name
        while free in shown:
            free += "_"
        line[free] = value
    return line


def _batches(rows: Iterable[Row | BadRow], size: int) -> Iterator[list[Row | BadRow]]:
    all_rows = iter(rows)
    while some := list(islice(all_rows, size)):
        yield some
