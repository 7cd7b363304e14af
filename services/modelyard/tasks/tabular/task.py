"""Rows of a table: the class, or the number, that belongs to the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from modelyard.errors import InvalidRequest
from modelyard.spec import Activation, Features, Head, Spec
from modelyard.tasks import columns, weighting
from modelyard.tasks.columns import ColumnName

if TYPE_CHECKING:
    from modelyard.examples import Examples, Schema
    from modelyard.recipe import Split
    from modelyard.tasks.learning import Learning


ACTIVATION: Mapping[str, Activation] = {"numbers": "linear", "counts": "exponential"}


class Tabular(Spec):
    """The fields that both have."""

    target: ColumnName
    """The column that is learned."""
    columns: Annotated[tuple[ColumnName, ...], Field(min_length=1, max_length=10_000)] | None = None
    """The columns that it is learned from; all others if unset."""
    weight: ColumnName | None = None
    """The column that says how much an example counts in training and validation, 1 on average; all alike if unset."""

    def features(self, schema: Schema) -> Features:
        """How many values a row becomes depends on the categories of its text columns."""
        weighting.check_schema(schema, self.weight)
        for index, name in enumerate(self.columns or ()):
            field = f"columns[{index}]"
            columns.column(schema, field, name, ("number", "text"))
            if name == self.target:
                raise InvalidRequest.of(
                    f"task.{field}", "the target cannot be learned from itself", received=name
                )
        return Features("vector", (None,))


class TabularClassification(Tabular):
    """Which of several classes a row belongs to. Columns hold numbers or text; both may be missing."""

    type: Literal["tabular_classification"] = "tabular_classification"

    def head(self, schema: Schema) -> Head:
        return Head(columns.classes(schema, self.target, field="target"), "softmax")

    def check(self, examples: Examples) -> None:
        # NumPy; requests are read without it.
        from modelyard.tasks import classification
        from modelyard.tasks.tabular import rows

        classification.check_labels(examples, self.target)
        rows.check_inputs(self, examples)
        weighting.check(examples, self.weight)

    def learn(self, examples: Examples, split: Split, seed: int) -> Learning:
        # TensorFlow, which only a trainer has.
        from modelyard.tasks.tabular.keras import TableClasses

        return TableClasses.of(self, examples, split, seed)


class TabularRegression(Tabular):
    """The number that belongs to a row. Columns hold numbers or text; both may be missing."""

    type: Literal["tabular_regression"] = "tabular_regression"
    values: Literal["numbers", "counts"] = "numbers"
    """counts: 0 or more, such as calls a day; answered by an exponential and learned with Poisson's loss."""

    def head(self, schema: Schema) -> Head:
        columns.column(schema, "target", self.target, ("number",))
        return Head(1, ACTIVATION[self.values])

    def check(self, examples: Examples) -> None:
        from modelyard.tasks.tabular import rows  # as above

        rows.check_target(examples, self.target)
        if self.values == "counts":
            rows.check_counts(examples, self.target)
        rows.check_inputs(self, examples)
        weighting.check(examples, self.weight)

    def learn(self, examples: Examples, split: Split, seed: int) -> Learning:
        from modelyard.tasks.tabular.keras import TableNumber  # as above

        return TableNumber.of(self, examples, split, seed)
