"""The base of every value in a request, and the words with which tasks and networks meet.

A task says which `Features` a network receives and which `Head` it must end with; a network turns
features and head into layers. Neither knows the other.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

Shape = tuple[int | None, ...]
"""A shape without the batch dimension; None is a size that is not known yet."""


Activation = Literal["softmax", "sigmoid", "linear", "exponential"]
"""What the last layer of a network ends with."""


class Spec(BaseModel):
    """A frozen value of a request. Unknown fields are errors, so that a typing error is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True)
class Features:
    """What a network receives for one example."""

    kind: Literal["image", "tokens", "series", "vector"]
    shape: Shape
    """image: (height, width, channels) · tokens: (length,) · series: (steps, features) · vector: (n,)"""
    vocabulary: int | None = None
    """tokens only: token ids are in 0 .. vocabulary - 1, 0 is padding"""


@dataclass(frozen=True)
class Head:
    """What a network must answer for one example: a vector of `units` values."""

    units: int | None
    activation: Activation
    """exponential: a count, which is never negative"""
    quantiles: tuple[float, ...] = ()
    """Numbers only: each value is answered as so many quantiles, side by side; none is the value itself."""
