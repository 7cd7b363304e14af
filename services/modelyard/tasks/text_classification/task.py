"""What kind of text it is: one class of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from modelyard.spec import Features, Head, Spec
from modelyard.tasks import columns, weighting
from modelyard.tasks.columns import ColumnName

if TYPE_CHECKING:
    from modelyard.examples import Examples, Schema
    from modelyard.recipe import Split
    from modelyard.tasks.learning import Learning


class TextClassification(Spec):
    """Which of several classes a text is of."""

    type: Literal["text_classification"] = "text_classification"
    text: ColumnName = "text"
    """The column of texts."""
    label: ColumnName = "label"
    """The column of classes."""
    weight: ColumnName | None = None
    """The column that says how much an example counts in training and validation, 1 on average; all alike if unset."""
    tokens: Literal["words", "characters"] = "words"
    """What a text is cut into, after it is lower-cased and freed of punctuation (characters keep theirs)."""
    vocabulary: Annotated[int, Field(ge=3, le=1_000_000)] = 20_000
    """At most this many different tokens: padding, the unknown, and the most frequent of the training texts."""
    length: Annotated[int, Field(ge=1, le=100_000)] = 64
    """How many tokens of a text are read; the rest is cut off."""

    def features(self, schema: Schema) -> Features:
        weighting.check_schema(schema, self.weight)
        columns.column(schema, "text", self.text, ("text",))
        return Features("tokens", (self.length,), vocabulary=self.vocabulary)

    def head(self, schema: Schema) -> Head:
        return Head(columns.classes(schema, self.label), "softmax")

    def check(self, examples: Examples) -> None:
        from modelyard.tasks.text_classification import rows  # NumPy; requests are read without it

        rows.check(self, examples)
        weighting.check(examples, self.weight)

    def learn(self, examples: Examples, split: Split, seed: int) -> Learning:
        # TensorFlow, which only a trainer has.
        from modelyard.tasks.text_classification.keras import TextLearning

        return TextLearning.of(self, examples, split, seed)
