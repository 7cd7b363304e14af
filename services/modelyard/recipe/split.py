"""Which examples are held out."""

from typing import Annotated, Literal

from pydantic import Field

from modelyard.recipe.values import Fraction
from modelyard.spec import Spec


class Split(Spec):
    """Which examples are held out: `fraction` to choose by while training, `test` to judge at the end."""

    split: Literal["auto", "random", "stratified", "time"] = "auto"
    """auto: by time for a forecast, stratified for classes, else random. time: the last rows."""
    fraction: Fraction = 0.15
    """The share of all examples that validation takes."""
    test: Annotated[float, Field(gt=0)] = 0.15
    """The share that the test takes if below 1, else its number of rows."""
