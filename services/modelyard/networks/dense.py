"""Fully connected layers, on anything."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from modelyard.networks import network, preset
from modelyard.networks.layer import Flatten, GlobalPooling1D, Layer
from modelyard.networks.layer.values import (
    GLOROT_UNIFORM,
    Activation,
    Initializer,
    Rate,
    Units,
)
from modelyard.spec import Features, Head, Shape, Spec

if TYPE_CHECKING:
    import keras


class Dense(Spec):
    """A multi-layer perceptron. Images and series are flattened; of a text it sees a bag of words."""

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tokens", "series", "vector"})

    type: Literal["dense"] = "dense"
    units: Annotated[tuple[Units, ...], Field(max_length=100)] = (128,)
    """The hidden layers; none is a linear model."""
    activation: Activation = "relu"
    dropout: Rate = 0.0
    """After every hidden layer."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    l2: Annotated[float, Field(ge=0)] = 0.0
    """Weight penalties of the hidden layers."""
    batch_normalization: bool = False
    kernel_initializer: Initializer = GLOROT_UNIFORM
    embedding: Units = 64
    """Text only: the size of a word's vector; the vectors of a text are averaged."""

    def expand(self, features: Features, head: Head) -> tuple[Layer, ...]:
        network.check_kind(self.type, self.kinds, features)
        return (*self._front(features), *self._hidden(), preset.head_layer(head))

    def check(self, features: Features, head: Head) -> Shape:
        return network.check(self.expand(features, head), features, head, listed=False)

    def parameters(self, features: Features, head: Head) -> int | None:
        if head.units is None:
            return None
        return network.parameters(self.expand(features, head), features, listed=False)

    def build(self, features: Features, head: Head) -> "keras.Model":
        self.check(features, head)
        return network.build(self.expand(features, head), features, self.type)

    def _front(self, features: Features) -> tuple[Layer, ...]:
        if features.kind == "tokens":
            # No mask: the mean over a text that is all padding would be 0/0.
            pool = GlobalPooling1D(type="global_average_pooling1d")
            return (preset.embed(features, self.embedding), pool)
        return () if features.kind == "vector" else (Flatten(),)

    def _hidden(self) -> tuple[Layer, ...]:
        return tuple(
            preset.hidden(
                self.units,
                activation=self.activation,
                dropout=self.dropout,
                regularizer=preset.regularizer(self.l1, self.l2),
                batch_normalization=self.batch_normalization,
                kernel_initializer=self.kernel_initializer,
            )
        )
