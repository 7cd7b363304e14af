"""Layers that make a sequence or an image larger or smaller: transposed convolutions, upsampling, cropping."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from modelyard.errors import InvalidRequest
from modelyard.networks.layer.convolution import IMAGE, SERIES
from modelyard.networks.layer.core import fields
from modelyard.networks.layer.values import (
    GLOROT_UNIFORM,
    ZEROS,
    Activation,
    Initializer,
    LayerSpec,
    Padding,
    Pair,
    Regularizer,
    Small,
    Units,
    need_rank,
    pair,
    text,
)
from modelyard.spec import Shape

if TYPE_CHECKING:
    import keras

Ends = Annotated[int, Field(ge=0, le=1024)]


class _Transposed(LayerSpec):
    """A convolution run backwards: every value of the input is spread over a kernel of the output."""

    filters: Units
    padding: Padding = "valid"
    activation: Activation = "linear"
    use_bias: bool = True
    kernel_initializer: Initializer = GLOROT_UNIFORM
    bias_initializer: Initializer = ZEROS
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None

    def _weights(self, channels: int | None, extent: int) -> int | None:
        if channels is None:
            return None
        return (extent * channels + self.use_bias) * self.filters


class Conv1DTranspose(_Transposed):
    type: Literal["conv1d_transpose"] = "conv1d_transpose"
    kernel_size: Small
    strides: Small = 1
    """How many steps of the output a step of the input becomes."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        return (_spread(shape[0], self.kernel_size, self.strides, self.padding), self.filters)

    def parameters(self, shape: Shape) -> int | None:
        return self._weights(shape[-1], self.kernel_size)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # TensorFlow comes with it, and requests are read without it

        return keras.layers.Conv1DTranspose(**fields(self), **common)


class Conv2DTranspose(_Transposed):
    type: Literal["conv2d_transpose"] = "conv2d_transpose"
    kernel_size: Pair
    strides: Pair = 1
    """How many rows and columns of the output one of the input becomes."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        sides = zip(shape[:2], pair(self.kernel_size), pair(self.strides), strict=True)
        area = (_spread(size, kernel, stride, self.padding) for size, kernel, stride in sides)
        return (*area, self.filters)

    def parameters(self, shape: Shape) -> int | None:
        height, width = pair(self.kernel_size)
        return self._weights(shape[-1], height * width)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Conv2DTranspose(**fields(self), **common)


class UpSampling1D(LayerSpec):
    type: Literal["up_sampling1d"] = "up_sampling1d"
    size: Small = 2
    """How often every step is repeated."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        return (shape[0] and shape[0] * self.size, shape[1])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.UpSampling1D(self.size, **common)


class UpSampling2D(LayerSpec):
    type: Literal["up_sampling2d"] = "up_sampling2d"
    size: Pair = 2
    """How often every row and every column is repeated."""
    interpolation: Literal["nearest", "bilinear"] = "nearest"

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        sides = zip(shape[:2], pair(self.size), strict=True)
        return (*(size and size * times for size, times in sides), shape[2])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.UpSampling2D(self.size, interpolation=self.interpolation, **common)


class Cropping1D(LayerSpec):
    type: Literal["cropping1d"] = "cropping1d"
    cropping: Ends | tuple[Ends, Ends] = 1
    """Steps taken off both ends, or (before, after)."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        return (_cropped(shape, 0, sum(pair(self.cropping))), shape[1])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Cropping1D(self.cropping, **common)


class Cropping2D(LayerSpec):
    type: Literal["cropping2d"] = "cropping2d"
    cropping: Ends | tuple[Ends, Ends] = 1
    """Rows taken off above and below, columns taken off left and right."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        rows, columns = pair(self.cropping)
        return (_cropped(shape, 0, 2 * rows), _cropped(shape, 1, 2 * columns), shape[2])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Cropping2D(self.cropping, **common)


def _spread(size: int | None, kernel: int, stride: int, padding: str) -> int | None:
    if size is None:
        return None
    return size * stride if padding == "same" else (size - 1) * stride + max(kernel, stride)


def _cropped(shape: Shape, side: int, taken: int) -> int | None:
    size = shape[side]
    if size is None:
        return None
    if taken >= size:
        raise InvalidRequest.of(
            "cropping",
            f"leaves nothing of an input of {text(shape)}",
            expected=f"less than {size} in all",
            received=str(taken),
        )
    return size - taken
