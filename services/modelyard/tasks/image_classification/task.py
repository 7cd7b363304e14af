"""What is in the picture: one class of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from modelyard.spec import Features, Head, Spec
from modelyard.tasks import columns, weighting
from modelyard.tasks.columns import ColumnName
from modelyard.tasks.image_classification.augmentation import Augmentation

if TYPE_CHECKING:
    from modelyard.examples import Examples, Schema
    from modelyard.recipe import Split
    from modelyard.tasks.learning import Learning

Side = Annotated[int, Field(ge=1, le=4096)]


class ImageClassification(Spec):
    """Which of several classes an image is of."""

    type: Literal["image_classification"] = "image_classification"
    image: ColumnName = "image"
    """The column of encoded images (JPEG, PNG, BMP, GIF), or of arrays height × width × channels of 0 to 255."""
    label: ColumnName = "label"
    """The column of classes."""
    weight: ColumnName | None = None
    """The column that says how much an example counts in training and validation, 1 on average; all alike if unset."""
    size: tuple[Side, Side] | None = None
    """Height and width that every image is brought to; those of the first image if unset."""
    channels: Literal[1, 3] | None = None
    """1 is grey, 3 is colour; as the first image has them if unset."""

    augmentation: Augmentation = Augmentation()
    """Chance changes of the images that are trained on."""

    def features(self, schema: Schema) -> Features:
        weighting.check_schema(schema, self.weight)
        column = columns.column(schema, "image", self.image, ("bytes", "array"))
        known = column.shape if len(column.shape) == 3 else (None, None, None)
        size = self.size or known[:2]
        return Features("image", (*size, self.channels or known[2]))

    def head(self, schema: Schema) -> Head:
        return Head(columns.classes(schema, self.label), "softmax")

    def check(self, examples: Examples) -> None:
        from modelyard.tasks.image_classification import rows  # NumPy; requests are read without it

        rows.check(self, examples)
        weighting.check(examples, self.weight)

    def learn(self, examples: Examples, split: Split, seed: int) -> Learning:
        # TensorFlow, which only a trainer has.
        from modelyard.tasks.image_classification.keras import ImageLearning

        return ImageLearning.of(self, examples, split, seed)
