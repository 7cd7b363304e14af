"""Layers that slide a kernel over a sequence or an image."""

from typing import TYPE_CHECKING, Any, Literal

from modelyard.errors import InvalidRequest
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
    slid,
)
from modelyard.spec import Shape

if TYPE_CHECKING:
    import keras

SERIES = "(steps, features)"
IMAGE = "(height, width, channels)"


class _Kernel(LayerSpec):
    """The fields that all of them have."""

    activation: Activation = "linear"
    use_bias: bool = True
    bias_initializer: Initializer = ZEROS
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None


class _FullKernel(_Kernel):
    filters: Units
    groups: Small = 1
    """Filters of one group see the channels of that group only."""
    kernel_initializer: Initializer = GLOROT_UNIFORM
    kernel_regularizer: Regularizer | None = None

    def _check_groups(self, channels: int | None) -> None:
        for field, size in (("filters", self.filters), ("channels of the input", channels)):
            if size is not None and size % self.groups:
                raise InvalidRequest.of(
                    "groups",
                    f"must divide the {field}",
                    expected=f"a divisor of {size}",
                    received=str(self.groups),
                )

    def _weights(self, channels: int | None, extent: int) -> int | None:
        if channels is None:
            return None
        return extent * (channels // self.groups) * self.filters + self.use_bias * self.filters


class Conv1D(_FullKernel):
    type: Literal["conv1d"] = "conv1d"
    kernel_size: Small
    strides: Small = 1
    padding: Literal["valid", "same", "causal"] = "valid"
    dilation_rate: Small = 1

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        _check_dilation(self.strides, self.dilation_rate)
        self._check_groups(shape[1])
        return (_steps(self, shape[0], self.dilation_rate), self.filters)

    def parameters(self, shape: Shape) -> int | None:
        return self._weights(shape[-1], self.kernel_size)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # TensorFlow comes with it, and requests are read without it

        return keras.layers.Conv1D(**fields(self), **common)


class Conv2D(_FullKernel):
    type: Literal["conv2d"] = "conv2d"
    kernel_size: Pair
    strides: Pair = 1
    padding: Padding = "valid"
    dilation_rate: Pair = 1

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        _check_dilation(self.strides, self.dilation_rate)
        self._check_groups(shape[2])
        return (*_area(self, shape, self.dilation_rate), self.filters)

    def parameters(self, shape: Shape) -> int | None:
        height, width = pair(self.kernel_size)
        return self._weights(shape[-1], height * width)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Conv2D(**fields(self), **common)


class SeparableConv1D(_Kernel):
    """A kernel for every channel, then a 1-wide convolution that mixes them."""

    type: Literal["separable_conv1d"] = "separable_conv1d"
    filters: Units
    kernel_size: Small
    strides: Small = 1
    padding: Padding = "valid"
    depth_multiplier: Small = 1
    depthwise_initializer: Initializer = GLOROT_UNIFORM
    pointwise_initializer: Initializer = GLOROT_UNIFORM
    depthwise_regularizer: Regularizer | None = None
    pointwise_regularizer: Regularizer | None = None

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        return (_steps(self, shape[0], 1), self.filters)

    def parameters(self, shape: Shape) -> int | None:
        return _separable_weights(self, shape[-1], self.kernel_size)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.SeparableConv1D(**fields(self), **common)


class SeparableConv2D(_Kernel):
    """A kernel for every channel, then a 1×1 convolution that mixes them."""

    type: Literal["separable_conv2d"] = "separable_conv2d"
    filters: Units
    kernel_size: Pair
    strides: Small = 1
    padding: Padding = "valid"
    depth_multiplier: Small = 1
    depthwise_initializer: Initializer = GLOROT_UNIFORM
    pointwise_initializer: Initializer = GLOROT_UNIFORM
    depthwise_regularizer: Regularizer | None = None
    pointwise_regularizer: Regularizer | None = None

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        return (*_area(self, shape, 1), self.filters)

    def parameters(self, shape: Shape) -> int | None:
        height, width = pair(self.kernel_size)
        return _separable_weights(self, shape[-1], height * width)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.SeparableConv2D(**fields(self), **common)


class DepthwiseConv2D(_Kernel):
    """`depth_multiplier` kernels for every channel, which stay apart."""

    type: Literal["depthwise_conv2d"] = "depthwise_conv2d"
    kernel_size: Pair
    strides: Small = 1
    """TensorFlow knows no other than equal strides here."""
    padding: Padding = "valid"
    depth_multiplier: Small = 1
    depthwise_initializer: Initializer = GLOROT_UNIFORM
    depthwise_regularizer: Regularizer | None = None

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        channels = shape[2] and shape[2] * self.depth_multiplier
        return (*_area(self, shape, 1), channels)

    def parameters(self, shape: Shape) -> int | None:
        if shape[-1] is None:
            return None
        height, width = pair(self.kernel_size)
        return shape[-1] * self.depth_multiplier * (height * width + self.use_bias)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.DepthwiseConv2D(**fields(self), **common)


class DepthwiseConv1D(_Kernel):
    """`depth_multiplier` kernels for every feature of a sequence, which stay apart."""

    type: Literal["depthwise_conv1d"] = "depthwise_conv1d"
    kernel_size: Small
    strides: Small = 1
    padding: Padding = "valid"
    depth_multiplier: Small = 1
    depthwise_initializer: Initializer = GLOROT_UNIFORM
    depthwise_regularizer: Regularizer | None = None

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        features = shape[1] and shape[1] * self.depth_multiplier
        return (_steps(self, shape[0], 1), features)

    def parameters(self, shape: Shape) -> int | None:
        if shape[-1] is None:
            return None
        return shape[-1] * self.depth_multiplier * (self.kernel_size + self.use_bias)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.DepthwiseConv1D(**fields(self), **common)


class ZeroPadding1D(LayerSpec):
    type: Literal["zero_padding1d"] = "zero_padding1d"
    padding: Small | tuple[Small, Small] = 1
    """Steps added on both ends, or (before, after)."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        return (shape[0] and shape[0] + sum(pair(self.padding)), shape[1])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.ZeroPadding1D(self.padding, **common)


class ZeroPadding2D(LayerSpec):
    type: Literal["zero_padding2d"] = "zero_padding2d"
    padding: Pair = 1
    """Rows added above and below, columns added left and right."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        added = (2 * extra for extra in pair(self.padding))
        sides = (size and size + extra for size, extra in zip(shape[:2], added, strict=True))
        return (*sides, shape[2])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.ZeroPadding2D(self.padding, **common)


_OneDimensional = Conv1D | SeparableConv1D | DepthwiseConv1D
_TwoDimensional = Conv2D | SeparableConv2D | DepthwiseConv2D


def _steps(layer: _OneDimensional, steps: int | None, dilation: int) -> int | None:
    return slid(
        steps,
        layer.kernel_size,
        layer.strides,
        layer.padding,
        dilation=dilation,
        field="kernel_size",
    )


def _area(layer: _TwoDimensional, shape: Shape, dilation: int | tuple[int, int]) -> Shape:
    sides = zip(
        shape[:2], pair(layer.kernel_size), pair(layer.strides), pair(dilation), strict=True
    )
    return tuple(
        slid(size, kernel, stride, layer.padding, dilation=rate, field="kernel_size")
        for size, kernel, stride, rate in sides
    )


def _separable_weights(
    layer: SeparableConv1D | SeparableConv2D, channels: int | None, extent: int
) -> int | None:
    if channels is None:
        return None
    between = channels * layer.depth_multiplier
    return extent * between + (between + layer.use_bias) * layer.filters


def _check_dilation(strides: int | tuple[int, int], dilation: int | tuple[int, int]) -> None:
    if max(pair(strides)) > 1 and max(pair(dilation)) > 1:
        raise InvalidRequest.of(
            "dilation_rate",
            "cannot be combined with strides",
            expected="1 where strides is above 1",
            received=str(dilation),
        )
