"""Layers that see one vector, or each step of a sequence, by itself; and those that only change the shape."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from modelyard.errors import InvalidRequest
from modelyard.networks.layer.values import (
    GLOROT_UNIFORM,
    UNIFORM,
    ZEROS,
    Activation,
    Initializer,
    LayerSpec,
    Rate,
    Regularizer,
    Units,
    need_rank,
    product,
    text,
)
from modelyard.spec import Shape, Spec

if TYPE_CHECKING:
    import keras


class DenseLayer(LayerSpec):
    """Every unit sees the whole last dimension."""

    type: Literal["dense"] = "dense"
    units: Units
    activation: Activation = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = GLOROT_UNIFORM
    bias_initializer: Initializer = ZEROS
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None

    def output_shape(self, shape: Shape) -> Shape:
        if not shape:
            raise InvalidRequest.of(
                "", "needs at least one dimension", expected="(…, n)", received=text(shape)
            )
        return (*shape[:-1], self.units)

    def parameters(self, shape: Shape) -> int | None:
        if shape[-1] is None:
            return None
        return shape[-1] * self.units + self.use_bias * self.units

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # TensorFlow comes with it, and requests are read without it

        return keras.layers.Dense(**fields(self), **common)


class EmbeddingLayer(LayerSpec):
    """A vector for every token; the first layer of a network on tokens."""

    type: Literal["embedding"] = "embedding"
    input_dim: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    """The number of different tokens; the task's vocabulary if unset."""
    output_dim: Units
    embeddings_initializer: Initializer = UNIFORM
    embeddings_regularizer: Regularizer | None = None
    mask_zero: bool = False
    """Whether padding is hidden from the layers that follow and can skip it."""

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape, self.output_dim)

    def parameters(self, shape: Shape) -> int | None:
        return None if self.input_dim is None else self.input_dim * self.output_dim

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Embedding(**fields(self), **common)


class Flatten(LayerSpec):
    type: Literal["flatten"] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        return (product(shape),)

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Flatten(**common)


class Reshape(LayerSpec):
    type: Literal["reshape"] = "reshape"
    target_shape: Annotated[
        tuple[Annotated[int, Field(ge=-1, le=1_000_000)], ...], Field(min_length=1, max_length=4)
    ]
    """One size may be -1: whatever is left."""

    def output_shape(self, shape: Shape) -> Shape:
        size, open_sizes = product(shape), self.target_shape.count(-1)
        known = product(tuple(n for n in self.target_shape if n != -1)) or 0
        if open_sizes > 1 or known == 0:
            raise InvalidRequest.of(
                "target_shape",
                "at most one size may be -1, and none 0",
                received=str(self.target_shape),
            )
        fits = size is None or (size % known == 0 if open_sizes else size == known)
        if not fits:
            raise InvalidRequest.of(
                "target_shape",
                f"does not hold the {size} values of {text(shape)}",
                expected=f"sizes whose product is {size}",
                received=str(self.target_shape),
            )
        rest = None if size is None else size // known
        return tuple(rest if n == -1 else n for n in self.target_shape)

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Reshape(self.target_shape, **common)


class Permute(LayerSpec):
    """Reorders the dimensions; `dims` counts from 1."""

    type: Literal["permute"] = "permute"
    dims: Annotated[
        tuple[Annotated[int, Field(ge=1, le=4)], ...], Field(min_length=1, max_length=4)
    ]

    def output_shape(self, shape: Shape) -> Shape:
        if sorted(self.dims) != list(range(1, len(shape) + 1)):
            raise InvalidRequest.of(
                "dims",
                f"must name each dimension of {text(shape)} once",
                expected=f"the numbers 1 to {len(shape)}",
                received=str(self.dims),
            )
        return tuple(shape[d - 1] for d in self.dims)

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Permute(self.dims, **common)


class RepeatVector(LayerSpec):
    type: Literal["repeat_vector"] = "repeat_vector"
    n: Annotated[int, Field(ge=1, le=100_000)]

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 1, "(n,)")
        return (self.n, shape[0])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.RepeatVector(self.n, **common)


class ActivationLayer(LayerSpec):
    type: Literal["activation"] = "activation"
    activation: Activation

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Activation(self.activation, **common)


class LeakyReLU(LayerSpec):
    type: Literal["leaky_relu"] = "leaky_relu"
    negative_slope: Annotated[float, Field(ge=0, le=1)] = 0.3

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.LeakyReLU(negative_slope=self.negative_slope, **common)


class PReLU(LayerSpec):
    """A leaky ReLU whose slope is learned, one for each position."""

    type: Literal["prelu"] = "prelu"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return product(shape)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.PReLU(**common)


class Dropout(LayerSpec):
    type: Literal["dropout"] = "dropout"
    rate: Rate

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Dropout(self.rate, **common)


class SpatialDropout1D(LayerSpec):
    """Drops whole features of a sequence."""

    type: Literal["spatial_dropout1d"] = "spatial_dropout1d"
    rate: Rate

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, "(steps, features)")
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.SpatialDropout1D(self.rate, **common)


class SpatialDropout2D(LayerSpec):
    """Drops whole channels of an image."""

    type: Literal["spatial_dropout2d"] = "spatial_dropout2d"
    rate: Rate

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, "(height, width, channels)")
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.SpatialDropout2D(self.rate, **common)


class GaussianNoise(LayerSpec):
    type: Literal["gaussian_noise"] = "gaussian_noise"
    stddev: Annotated[float, Field(ge=0, le=1000)]

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.GaussianNoise(self.stddev, **common)


class BatchNormalization(LayerSpec):
    type: Literal["batch_normalization"] = "batch_normalization"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.001
    center: bool = True
    scale: bool = True

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return None if shape[-1] is None else shape[-1] * (2 + self.center + self.scale)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.BatchNormalization(**fields(self), **common)


class LayerNormalization(LayerSpec):
    type: Literal["layer_normalization"] = "layer_normalization"
    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.001
    center: bool = True
    scale: bool = True

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return None if shape[-1] is None else shape[-1] * (self.center + self.scale)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.LayerNormalization(**fields(self), **common)


class GroupNormalization(LayerSpec):
    """Normalises groups of features of one example, whatever the batch (Wu and He, 2018)."""

    type: Literal["group_normalization"] = "group_normalization"
    groups: Annotated[int, Field(ge=1, le=100_000)] = 8
    """1 normalises all features together, as many as there are features each by itself."""
    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.001
    center: bool = True
    scale: bool = True

    def output_shape(self, shape: Shape) -> Shape:
        features = shape[-1]
        if features is not None and features % self.groups:
            raise InvalidRequest.of(
                "groups",
                "must divide the features of the input",
                expected=f"a divisor of {features}",
                received=str(self.groups),
            )
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return None if shape[-1] is None else shape[-1] * (self.center + self.scale)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.GroupNormalization(**fields(self), **common)


class UnitNormalization(LayerSpec):
    """Scales the features of an example, or of a step, to the length 1."""

    type: Literal["unit_normalization"] = "unit_normalization"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.UnitNormalization(**common)


def fields(layer: Spec) -> dict[str, Any]:
    """The arguments of the Keras layer: fields that are values of ours become what they stand for."""
    return {
        name: value.keras() if isinstance(value, Spec) else value  # type: ignore[attr-defined]  # all such values have it
        for name, value in layer
        if name not in ("type", "name", "inputs")
    }
