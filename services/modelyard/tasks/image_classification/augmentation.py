"""Chance changes of the images that are trained on: more examples than there are, of the same classes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from modelyard.spec import Spec

if TYPE_CHECKING:
    import keras

Share = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Spec):
    """Each image is changed anew in every epoch, in this order; validation, test and answers see none of it."""

    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    """Every other image is mirrored: left to right, upside down, or either."""
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """At most so many degrees, either way."""
    translation: Share = 0.0
    """At most this share of height and width, in any direction."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """At most this share larger or smaller."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The distance from the mean brightness is multiplied by 1 minus this to 1 plus this."""
    noise: Share = 0.0
    """The standard deviation of what is added to every value, where black is 0 and white 1."""
    fill: Literal["reflect", "nearest", "wrap", "constant"] = "nearest"
    """What stands where the image was moved away: constant is black."""

    def layers(self) -> "list[keras.Layer]":
        """Their random generators are variables, so that a checkpoint holds where they are."""
        return list(self._layers())

    def _layers(self) -> "Iterator[keras.Layer]":
        from keras import layers  # TensorFlow comes with it, and requests are read without it

        # In 32 bits under every precision policy: they are few, and 8 bits of mantissa are too few.
        common: dict[str, Any] = {"dtype": "float32"}
        moved: dict[str, Any] = {"fill_mode": self.fill, **common}
        if self.flip != "none":
            mode = "horizontal_and_vertical" if self.flip == "both" else self.flip
            yield layers.RandomFlip(mode, **common)
        if self.rotation:
            yield layers.RandomRotation(self.rotation / 360, **moved)
        if self.translation:
            yield layers.RandomTranslation(self.translation, self.translation, **moved)
        if self.zoom:
            yield layers.RandomZoom(self.zoom, **moved)
        if self.contrast:
            yield layers.RandomContrast(self.contrast, value_range=(0, 1), **common)
        if self.noise:
            yield layers.GaussianNoise(self.noise, **common)
