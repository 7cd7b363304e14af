"""Layers of a graph that read several others: sums, products, means, and joins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from modelyard.errors import InvalidRequest
from modelyard.networks.layer.values import LayerSpec, text
from modelyard.spec import Shape

if TYPE_CHECKING:
    import keras


class Merge(LayerSpec):
    """Value by value; all inputs have the same shape. `add` makes a skip connection."""

    type: Literal["add", "subtract", "multiply", "average", "maximum", "minimum"]

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Raises InvalidRequest where the inputs do not go together."""
        merged = list(shapes[0])
        for index, shape in enumerate(shapes):
            if len(shape) != len(merged) or any(map(_differ, shape, merged)):
                raise _different(index, shape, text(tuple(merged)))
            merged = [one or other for one, other in zip(merged, shape, strict=True)]
        return tuple(merged)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # TensorFlow comes with it, and requests are read without it

        kinds = {
            "add": keras.layers.Add,
            "subtract": keras.layers.Subtract,
            "multiply": keras.layers.Multiply,
            "average": keras.layers.Average,
            "maximum": keras.layers.Maximum,
            "minimum": keras.layers.Minimum,
        }
        return kinds[self.type](**common)


class Concatenate(LayerSpec):
    """One after the other along the last dimension; all others are the same."""

    type: Literal["concatenate"] = "concatenate"

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Raises InvalidRequest where the inputs do not go together."""
        front = Merge(type="add")
        before = text((*shapes[0][:-1], None))
        for index, shape in enumerate(shapes):
            if len(shape) != len(shapes[0]) or any(map(_differ, shape[:-1], shapes[0][:-1])):
                raise _different(index, shape, before)
        sizes = [shape[-1] for shape in shapes]
        joined = None if None in sizes else sum(size or 0 for size in sizes)
        return (*front.merged_shape([shape[:-1] for shape in shapes]), joined)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return keras.layers.Concatenate(**common)


def _differ(one: int | None, other: int | None) -> bool:
    return None not in (one, other) and one != other


def _different(index: int, shape: Shape, expected: str) -> InvalidRequest:
    return InvalidRequest.of(
        f"inputs[{index}]",
        "does not go together with the inputs before it",
        expected=expected,
        received=text(shape),
    )
