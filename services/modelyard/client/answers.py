"""What predictions answer. Every answer says which version gave it; arrays are made when they are asked for."""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from modelyard.client.errors import FailedPrecondition

if TYPE_CHECKING:
    import numpy as np

_SHOWN = 5
_WIDTH, _HEIGHT, _MARGIN = 320, 96, 4  # pixels of a plot


@dataclass(frozen=True)
class ScoredClass:
    name: str
    score: float


@dataclass(frozen=True)
class Classification:
    """Best class first."""

    classes: tuple[ScoredClass, ...]

    @property
    def top(self) -> ScoredClass:
        return self.classes[0]

    def __repr__(self) -> str:
        return f"Classification({_short(f'{c.name}: {c.score:.3g}' for c in self.classes)})"


@dataclass(frozen=True)
class Timing:
    """Seconds that a call took in the service; of a call that was cut, the sum of its parts."""

    queue: float
    """Waiting for the batch that answered to start."""
    run: float
    """The run of that batch, which other calls may share."""

    @classmethod
    def total(cls, timings: Sequence["Timing"]) -> "Timing":
        return cls(sum(t.queue for t in timings), sum(t.run for t in timings))


@dataclass(frozen=True)
class _Answer:
    model: str
    version: int
    timing: Timing

    def _of(self) -> str:
        return f"{self.model} version {self.version}"


@dataclass(frozen=True, repr=False)
class Classifications(_Answer):
    """`results` has one for each example, in the order of the call."""

    results: tuple[Classification, ...]

    @property
    def top(self) -> ScoredClass:
        """The best class of the first example."""
        return self.results[0].top

    @property
    def names(self) -> tuple[str, ...]:
        """The best class of each example."""
        return tuple(result.top.name for result in self.results)

    @property
    def class_names(self) -> tuple[str, ...]:
        """All classes that were answered, sorted: the columns of `to_numpy`."""
        return tuple(sorted({c.name for result in self.results for c in result.classes}))

    def to_numpy(self) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """Scores, float32 [examples, classes], in the order of `class_names`; NaN for a class beyond `top_k`."""
        np = _library("numpy", "to_numpy")
        column = {name: position for position, name in enumerate(self.class_names)}
        scores = np.full((len(self.results), len(column)), np.nan, np.float32)
        for row, result in enumerate(self.results):
            for scored in result.classes:
                scores[row, column[scored.name]] = scored.score
        return scores  # type: ignore[no-any-return]  # NumPy is imported late

    def to_pandas(self) -> Any:
        """A DataFrame with one row for each example: its `class`, `score`, and the score of every class."""
        pd = _library("pandas", "to_pandas")
        best = {"class": self.names, "score": [result.top.score for result in self.results]}
        scores = pd.DataFrame(self.to_numpy(), columns=list(self.class_names))
        return pd.concat([pd.DataFrame(best), scores.add_prefix("score:")], axis=1)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        first, timing = parts[0], Timing.total([part.timing for part in parts])
        results = tuple(result for part in parts for result in part.results)
        return cls(first.model, first.version, timing, results)

    def __repr__(self) -> str:
        shown = _short(f"{r.top.name} ({r.top.score:.3g})" for r in self.results)
        return f"<Classifications of {self._of()}: {shown}>"

    def _repr_html_(self) -> str:
        rows = ((r.top.name, f"{r.top.score:.1%}") for r in self.results)
        return _table(self._of(), ("class", "score"), rows)


@dataclass(frozen=True, repr=False)
class Forecasts(_Answer):
    """`series` has one for each series of the call: the next values, next first, in the target's own unit."""

    series: tuple[tuple[float, ...], ...]

    def to_numpy(self) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """float64 [series, steps]."""
        return _library("numpy", "to_numpy").array(self.series, dtype="float64")  # type: ignore[no-any-return]  # NumPy is imported late

    def to_pandas(self) -> Any:
        """A DataFrame with one row for each step, from 1, and one column for each series, from 0."""
        frame = _library("pandas", "to_pandas").DataFrame(dict(enumerate(self.series)))
        frame.index = range(1, len(frame) + 1)
        frame.index.name = "step"
        return frame

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        first, timing = parts[0], Timing.total([part.timing for part in parts])
        series = tuple(each for part in parts for each in part.series)
        return cls(first.model, first.version, timing, series)

    def __repr__(self) -> str:
        more = f" and {len(self.series) - 1} more series" if len(self.series) > 1 else ""
        shown = _short(f"{value:.6g}" for value in self.series[0])
        return f"<Forecasts of {self._of()}: {shown}{more}>"

    def _repr_html_(self) -> str:
        steps = enumerate(zip(*self.series, strict=True), start=1)
        rows = ((f"+{step}", *(f"{value:.6g}" for value in values)) for step, values in steps)
        head = ("step", *(f"series {number}" for number in range(len(self.series))))
        return _plot(self.series[:_SHOWN]) + _table(self._of(), head, rows)


@dataclass(frozen=True, repr=False)
class Values(_Answer):
    """`values` has one for each row, in the target's own unit."""

    values: tuple[float, ...]

    def to_numpy(self) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """float64 [rows]."""
        return _library("numpy", "to_numpy").array(self.values, dtype="float64")  # type: ignore[no-any-return]  # NumPy is imported late

    def to_pandas(self) -> Any:
        """A Series named `value`."""
        return _library("pandas", "to_pandas").Series(self.values, name="value")

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        first, timing = parts[0], Timing.total([part.timing for part in parts])
        values = tuple(value for part in parts for value in part.values)
        return cls(first.model, first.version, timing, values)

    def __repr__(self) -> str:
        return f"<Values of {self._of()}: {_short(f'{value:.6g}' for value in self.values)}>"

    def _repr_html_(self) -> str:
        rows = ((str(row), f"{value:.6g}") for row, value in enumerate(self.values, start=1))
        return _table(self._of(), ("row", "value"), rows)


Answer = Classifications | Forecasts | Values


def _library(name: str, method: str) -> Any:
    # Late: the client needs neither NumPy nor pandas.
    try:
        return import_module(name)
    except ImportError as error:
        raise FailedPrecondition(
            f"{method}() needs {name}, which is not installed: pip install {name}",
            reason="LIBRARY_MISSING",
        ) from error


def _short(texts: Iterable[str]) -> str:
    shown = list(texts)
    more = f", … {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _plot(series: Sequence[Sequence[float]]) -> str:
    """The series as lines in one frame; a picture that needs no library."""
    values = [value for each in series for value in each if math.isfinite(value)]
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    scale = (_HEIGHT - 2 * _MARGIN) / ((high - low) or 1)
    lines = []
    for number, each in enumerate(series):
        across = (_WIDTH - 2 * _MARGIN) / max(1, len(each) - 1)
        points = " ".join(
            f"{_MARGIN + step * across:.1f},{_HEIGHT - _MARGIN - (value - low) * scale:.1f}"
            for step, value in enumerate(each)
            if math.isfinite(value)
        )
        style = f"fill:none;stroke:currentColor;stroke-width:2;opacity:{1 - number / 8:.2f}"
        lines.append(f'<polyline points="{points}" style="{style}"/>')
    said = f"from {low:.6g} to {high:.6g}"
    size = f'width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{said}"'
    return f"<svg {size}><title>{said}</title>{''.join(lines)}</svg>"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<table><caption>{html.escape(title)}</caption>{line('th', head)}{body}</table>"
