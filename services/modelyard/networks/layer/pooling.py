"""Layers that keep the largest or the mean of what lies in a window, or in the whole input."""

from typing import TYPE_CHECKING, Any, Literal

from modelyard.networks.layer.convolution import IMAGE, SERIES
from modelyard.networks.layer.core import fields
from modelyard.networks.layer.values import LayerSpec, Padding, Pair, Small, need_rank, pair, slid
from modelyard.spec import Shape

if TYPE_CHECKING:
    import keras


class Pooling1D(LayerSpec):
    type: Literal["max_pooling1d", "average_pooling1d"]
    pool_size: Small = 2
    strides: Small | None = None
    """The pool size if unset."""
    padding: Padding = "valid"

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        stride = self.strides or self.pool_size
        steps = slid(shape[0], self.pool_size, stride, self.padding, field="pool_size")
        return (steps, shape[1])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # TensorFlow comes with it, and requests are read without it

        kinds = {
            "max_pooling1d": keras.layers.MaxPooling1D,
            "average_pooling1d": keras.layers.AveragePooling1D,
        }
        return kinds[self.type](**fields(self), **common)


class Pooling2D(LayerSpec):
    type: Literal["max_pooling2d", "average_pooling2d"]
    pool_size: Pair = 2
    strides: Pair | None = None
    """The pool size if unset."""
    padding: Padding = "valid"

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        sides = zip(
            shape[:2], pair(self.pool_size), pair(self.strides or self.pool_size), strict=True
        )
        area = (slid(n, pool, stride, self.padding, field="pool_size") for n, pool, stride in sides)
        return (*area, shape[2])

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        kinds = {
            "max_pooling2d": keras.layers.MaxPooling2D,
            "average_pooling2d": keras.layers.AveragePooling2D,
        }
        return kinds[self.type](**fields(self), **common)


class GlobalPooling1D(LayerSpec):
    """One value for each feature of a sequence."""

    type: Literal["global_max_pooling1d", "global_average_pooling1d"]

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        return (shape[1],)

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        kinds = {
            "global_max_pooling1d": keras.layers.GlobalMaxPooling1D,
            "global_average_pooling1d": keras.layers.GlobalAveragePooling1D,
        }
        return kinds[self.type](**common)


class GlobalPooling2D(LayerSpec):
    """One value for each channel of an image."""

    type: Literal["global_max_pooling2d", "global_average_pooling2d"]

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3, IMAGE)
        return (shape[2],)

    def parameters(self, shape: Shape) -> int | None:
        return 0

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        kinds = {
            "global_max_pooling2d": keras.layers.GlobalMaxPooling2D,
            "global_average_pooling2d": keras.layers.GlobalAveragePooling2D,
        }
        return kinds[self.type](**common)
