"""How a series goes on: its next values from its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from modelyard.errors import InvalidRequest
from modelyard.spec import Features, Head, Spec
from modelyard.tasks import columns
from modelyard.tasks.columns import ColumnName

if TYPE_CHECKING:
    from modelyard.examples import Examples, Schema
    from modelyard.recipe import Split
    from modelyard.tasks.learning import Learning

Fraction = Annotated[float, Field(gt=0, lt=1)]
Steps = Annotated[int, Field(ge=1, le=100_000)]


class Forecasting(Spec):
    """The next `horizon` values of a series, whose rows are equally spaced in time, from its last `window`."""

    type: Literal["forecasting"] = "forecasting"
    target: ColumnName
    """The column that is forecast."""
    time: ColumnName | None = None
    """The column of dates, times or numbers by which rows must be in order; else they are taken to be."""
    horizon: Steps
    """How many steps ahead are forecast."""
    season: Steps = 1
    """How many steps a season has: 12 for months of a year, 24 for hours of a day, 1 for none."""
    window: Steps | None = None
    """How many past steps are looked at; if unset two seasons, the horizon, or 8, whichever is most."""
    covariates: Annotated[tuple[ColumnName, ...], Field(max_length=1000)] = ()
    """Further columns whose past is looked at."""
    quantiles: Annotated[tuple[Fraction, ...], Field(max_length=99)] = ()
    """Such as [0.1, 0.5, 0.9]: a forecast with intervals, learned with the pinball loss; 0.5 is the forecast itself."""

    @property
    def steps(self) -> int:
        """The window that holds."""
        return self.window or max(2 * self.season, self.horizon, 8)

    @property
    def lag(self) -> int:
        """How far back the naive forecast looks: a season, if the window shows one."""
        return self.season if self.season <= self.steps else 1

    @property
    def channels(self) -> int:
        """How many values the network sees of a step."""
        return 1 + len(self.covariates)

    def features(self, schema: Schema) -> Features:
        columns.column(schema, "target", self.target, ("number",))
        for index, name in enumerate(self.covariates):
            columns.column(schema, f"covariates[{index}]", name, ("number",))
        if self.time is not None:
            columns.column(schema, "time", self.time, ("number", "text"))
        self._check_covariates()
        self._check_quantiles()
        return Features("series", (self.steps, self.channels))

    def head(self, schema: Schema) -> Head:
        return self.answer()

    def answer(self) -> Head:
        """Every step in its quantiles, or by itself."""
        return Head(self.horizon * max(len(self.quantiles), 1), "linear", self.quantiles)

    def check(self, examples: Examples) -> None:
        # NumPy; requests are read without it.
        from modelyard.tasks.forecasting import rows

        rows.check(self, examples)

    def learn(self, examples: Examples, split: Split, seed: int) -> Learning:
        # TensorFlow, which only a trainer has.
        from modelyard.tasks.forecasting.keras import ForecastLearning

        return ForecastLearning.of(self, examples, split, seed)

    def _check_quantiles(self) -> None:
        given = self.quantiles
        if given and (list(given) != sorted(set(given)) or 0.5 not in given):
            raise InvalidRequest.of(
                "task.quantiles",
                "must be in order, each once, with 0.5 among them",
                expected="such as [0.1, 0.5, 0.9]",
                received=str(list(given)),
            )

    def _check_covariates(self) -> None:
        for index, name in enumerate(self.covariates):
            if name == self.target or name in self.covariates[:index]:
                raise InvalidRequest.of(
                    f"task.covariates[{index}]", "is named twice", received=name
                )
