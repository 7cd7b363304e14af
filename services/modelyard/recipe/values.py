"""The words that the parts of a recipe share."""

from typing import Annotated, Any, Literal

from pydantic import Field

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Epochs = Annotated[float, Field(gt=0, le=100_000)]
"""A number of epochs, in parts too: 0.5 is half an epoch."""
Monitor = Literal["val_loss", "loss", "val_accuracy", "accuracy"]


def named(value: Any) -> Any:
    """`adam` is short for `{type: adam}`."""
    return {"type": value} if isinstance(value, str) else value
