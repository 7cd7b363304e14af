"""Convolutions and pooling, then dense layers: two-dimensional on images, one-dimensional on text and series."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from modelyard.networks import network, preset
from modelyard.networks.layer import (
    ActivationLayer,
    Conv1D,
    Conv2D,
    Flatten,
    GlobalPooling1D,
    GlobalPooling2D,
    Layer,
    Pooling1D,
    Pooling2D,
)
from modelyard.networks.layer.values import (
    GLOROT_UNIFORM,
    Activation,
    Initializer,
    Padding,
    Rate,
    Regularizer,
    Small,
    Units,
)
from modelyard.spec import Features, Head, Shape, Spec

if TYPE_CHECKING:
    import keras


class CNN(Spec):
    """Convolutions, each followed by a pooling, and dense layers after them."""

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tokens", "series"})

    type: Literal["cnn"] = "cnn"
    filters: Annotated[tuple[Units, ...], Field(min_length=1, max_length=100)] = (32, 64)
    """One convolution each, with a pooling after it."""
    kernel_size: Small = 3
    padding: Padding = "same"
    pool: Small = 2
    """The window that one value is kept of after each convolution; 1 keeps all."""
    units: Annotated[tuple[Units, ...], Field(max_length=100)] = (128,)
    """The dense layers after them."""
    activation: Activation = "relu"
    dropout: Rate = 0.0
    """After every dense layer of `units`."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """The weight penalty of convolutions and dense layers."""
    batch_normalization: bool = False
    kernel_initializer: Initializer = GLOROT_UNIFORM
    global_pooling: Literal["auto", "none", "max", "average"] = "auto"
    """What is kept of each filter before the dense layers; auto: max on text, all elsewhere."""
    embedding: Units = 64
    """Text only: the size of a word's vector."""

    def expand(self, features: Features, head: Head) -> tuple[Layer, ...]:
        network.check_kind(self.type, self.kinds, features)
        return (
            *self._front(features),
            *self._blocks(features),
            self._join(features),
            *self._hidden(),
            preset.head_layer(head),
        )

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
        return (preset.embed(features, self.embedding),) if features.kind == "tokens" else ()

    def _blocks(self, features: Features) -> Iterator[Layer]:
        for filters in self.filters:
            yield self._convolution(features, filters)
            if self.batch_normalization:
                yield preset.normalization()
                yield ActivationLayer(activation=self.activation)
            if self.pool > 1:
                yield self._pooling(features)

    def _convolution(self, features: Features, filters: int) -> Layer:
        kind = Conv2D if features.kind == "image" else Conv1D
        return kind(
            filters=filters,
            kernel_size=self.kernel_size,
            padding=self.padding,
            activation="linear" if self.batch_normalization else self.activation,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self._regularizer(),
        )

    def _pooling(self, features: Features) -> Layer:
        if features.kind == "image":
            return Pooling2D(type="max_pooling2d", pool_size=self.pool)
        return Pooling1D(type="max_pooling1d", pool_size=self.pool)

    def _join(self, features: Features) -> Layer:
        how = self.global_pooling
        if how == "auto":
            how = "max" if features.kind == "tokens" else "none"
        if how == "none":
            return Flatten()
        if features.kind == "image":
            return GlobalPooling2D(
                type="global_max_pooling2d" if how == "max" else "global_average_pooling2d"
            )
        return GlobalPooling1D(
            type="global_max_pooling1d" if how == "max" else "global_average_pooling1d"
        )

    def _hidden(self) -> Iterator[Layer]:
        return preset.hidden(
            self.units,
            activation=self.activation,
            dropout=self.dropout,
            regularizer=self._regularizer(),
            batch_normalization=self.batch_normalization,
            kernel_initializer=self.kernel_initializer,
        )

    def _regularizer(self) -> Regularizer | None:
        return preset.regularizer(0.0, self.l2)
