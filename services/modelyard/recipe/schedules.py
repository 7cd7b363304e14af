"""How the learning rate changes while a network is trained.

All but `on_plateau` are functions of the epoch alone, in parts of one: what an interrupted training goes on
with follows from where it is.

    constant      start
    step          start · factor^⌊epoch / every⌋
    exponential   start · factor^(epoch / every)
    cosine        end + (start - end) · (1 + cos(π · epoch / epochs)) / 2
    polynomial    end + (start - end) · (1 - epoch / epochs)^power
    on_plateau    start, times factor whenever nothing got better for patience epochs

A warm-up of w epochs leads from 0 to `start` on a straight line; the formulas count their epochs from its end.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PositiveInt

from modelyard.recipe.values import Epochs, Fraction, Monitor, NotNegative, Positive
from modelyard.spec import Spec

if TYPE_CHECKING:
    import keras


class _Paced(Spec):
    start: Positive
    """The highest rate: where the formula begins."""
    warmup: Annotated[float, Field(ge=0, le=100_000)] = 0.0
    """Epochs in which the rate grows from 0 to `start`."""

    def after_warmup(self, epoch: Any) -> Any:
        """The rate `epoch` epochs, a float32 tensor, after the warm-up."""
        raise NotImplementedError

    def keras(self, steps: int) -> "keras.optimizers.schedules.LearningRateSchedule":
        from modelyard.recipe.keras import Paced  # TensorFlow; requests are read without it

        return Paced(self, steps)


class Constant(_Paced):
    """One rate, after the warm-up."""

    type: Literal["constant"] = "constant"

    def after_warmup(self, epoch: Any) -> Any:
        return self.start


class Step(_Paced):
    """A staircase: the rate is multiplied by `factor` after every so many epochs."""

    type: Literal["step"] = "step"
    factor: Fraction = 0.5
    every: Epochs = 10.0

    def after_warmup(self, epoch: Any) -> Any:
        from keras import ops  # as above

        return self.start * ops.power(self.factor, ops.floor(epoch / self.every))


class Exponential(_Paced):
    """The staircase without its steps."""

    type: Literal["exponential"] = "exponential"
    factor: Fraction = 0.5
    """What is left of the rate after `every` epochs."""
    every: Epochs = 10.0

    def after_warmup(self, epoch: Any) -> Any:
        from keras import ops  # as above

        return self.start * ops.power(self.factor, epoch / self.every)


class Cosine(_Paced):
    """Half a wave from `start` to `end`, without restarts (Loshchilov and Hutter, 2016)."""

    type: Literal["cosine"] = "cosine"
    epochs: Epochs
    """How long the half wave is; the rate stays at `end` after it."""
    end: NotNegative = 0.0

    def after_warmup(self, epoch: Any) -> Any:
        from keras import ops  # as above

        done = ops.minimum(epoch / self.epochs, 1.0)
        return self.end + (self.start - self.end) * (1 + ops.cos(3.141592653589793 * done)) / 2


class Polynomial(_Paced):
    """From `start` to `end` on a straight line, or on a curve if `power` is not 1."""

    type: Literal["polynomial"] = "polynomial"
    epochs: Epochs
    """How long it takes; the rate stays at `end` after it."""
    end: NotNegative = 0.0
    power: Positive = 1.0

    def after_warmup(self, epoch: Any) -> Any:
        from keras import ops  # as above

        left = 1 - ops.minimum(epoch / self.epochs, 1.0)
        return self.end + (self.start - self.end) * ops.power(left, self.power)


class OnPlateau(Spec):
    """The rate falls when `monitor` got no better for `patience` epochs."""

    type: Literal["on_plateau"] = "on_plateau"
    start: Positive
    factor: Fraction = 0.5
    """What the rate is multiplied by."""
    patience: PositiveInt = 3
    min_delta: NotNegative = 0.0
    lowest: NotNegative = 0.0
    """The rate never falls below it."""
    monitor: Monitor = "val_loss"

    def keras(self, steps: int) -> float:
        """Where the rate begins; it is a variable of the optimizer, which a checkpoint holds."""
        return self.start


Schedule = Annotated[
    Constant | Step | Exponential | Cosine | Polynomial | OnPlateau, Field(discriminator="type")
]
