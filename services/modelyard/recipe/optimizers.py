"""How the gradient of a batch becomes a step."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from modelyard.recipe.schedules import Schedule
from modelyard.recipe.values import Fraction, Momentum, NotNegative, Positive, named
from modelyard.spec import Spec

if TYPE_CHECKING:
    import keras


def _kind(value: Any) -> str:
    return "schedule" if isinstance(value, dict | Spec) else "number"


LearningRate = Annotated[
    Annotated[Positive, Tag("number")] | Annotated[Schedule, Tag("schedule")], Discriminator(_kind)
]
_CLIPS = {
    "clip_norm": "global_clipnorm",
    "clip_norm_each": "clipnorm",
    "clip_value": "clipvalue",
}
"""Our fields and Keras' arguments."""


class _Optimizer(Spec):
    learning_rate: LearningRate = 0.001
    """A number, or a schedule such as `{type: cosine, start: 0.01, epochs: 20, warmup: 1}`."""
    clip_norm: Positive | None = None
    """Gradients of all weights together are scaled down to this norm."""
    clip_norm_each: Positive | None = None
    """The gradient of each weight by itself is scaled down to this norm."""
    clip_value: Positive | None = None
    """Every value of a gradient is cut to lie between minus this and this."""
    weight_decay: NotNegative | None = None
    """Every step takes this share, times the learning rate, off each weight: decoupled from the gradient."""
    accumulate: Annotated[int, Field(ge=1, le=10_000)] = 1
    """The gradients of so many batches are averaged for one step; it goes on over the end of an epoch."""

    @model_validator(mode="after")
    def _clips_one_way(self) -> Self:
        given = [name for name in _CLIPS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"gradients are clipped in one way only; received {', '.join(given)}")
        return self

    def _common(self, steps: int) -> dict[str, Any]:
        rate = self.learning_rate
        clips = {argument: getattr(self, field) for field, argument in _CLIPS.items()}
        return {
            "learning_rate": rate if isinstance(rate, float) else rate.keras(steps),
            "weight_decay": self.weight_decay,
            "gradient_accumulation_steps": self.accumulate if self.accumulate > 1 else None,
            **clips,
        }


class SGD(_Optimizer):
    """Gradient descent; `batch_size` makes it batch, stochastic or mini-batch."""

    type: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.01
    momentum: Momentum = 0.0
    nesterov: bool = False
    """Looks ahead along the momentum before it takes the gradient; `momentum` must be set."""

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # TensorFlow comes with it, and requests are read without it

        return keras.optimizers.SGD(
            **self._common(steps), momentum=self.momentum, nesterov=self.nesterov
        )


class RMSprop(_Optimizer):
    """Steps are divided by a running mean of the gradient's size."""

    type: Literal["rmsprop"] = "rmsprop"
    rho: Fraction = 0.9
    momentum: Momentum = 0.0
    centered: bool = False
    """Divides by the variance of the gradient, not by its mean square."""

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # as above

        return keras.optimizers.RMSprop(
            **self._common(steps), rho=self.rho, momentum=self.momentum, centered=self.centered
        )


class Adagrad(_Optimizer):
    """Steps shrink with the sum of all squared gradients so far (Duchi et al., 2011)."""

    type: Literal["adagrad"] = "adagrad"
    learning_rate: LearningRate = 0.01

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # as above

        return keras.optimizers.Adagrad(**self._common(steps))


class Adadelta(_Optimizer):
    """Steps have the size of earlier steps (Zeiler, 2012); the paper's learning rate is 1."""

    type: Literal["adadelta"] = "adadelta"
    learning_rate: LearningRate = 1.0
    rho: Fraction = 0.95

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # as above

        return keras.optimizers.Adadelta(**self._common(steps), rho=self.rho)


class Adam(_Optimizer):
    """Momentum and a scale for each weight (Kingma and Ba, 2014); nadam has Nesterov's momentum.

    adamw is Adam with a weight decay, of 0.004 unless it is set.
    """

    type: Literal["adam", "adamw", "nadam"] = "adam"
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # as above

        kinds = {
            "adam": keras.optimizers.Adam,
            "adamw": keras.optimizers.AdamW,
            "nadam": keras.optimizers.Nadam,
        }
        common = self._common(steps)
        if self.type == "adamw" and self.weight_decay is None:
            common["weight_decay"] = 0.004  # Keras' own default for AdamW
        return kinds[self.type](**common, beta_1=self.beta_1, beta_2=self.beta_2)


class Adamax(_Optimizer):
    """Adam with the largest gradient in place of the mean square."""

    type: Literal["adamax"] = "adamax"
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # as above

        return keras.optimizers.Adamax(
            **self._common(steps), beta_1=self.beta_1, beta_2=self.beta_2
        )


class Lion(_Optimizer):
    """Steps of one size in the direction of the momentum's sign (Chen et al., 2023)."""

    type: Literal["lion"] = "lion"
    learning_rate: LearningRate = 0.0003
    """About a third to a tenth of what suits Adam."""
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.99

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # as above

        return keras.optimizers.Lion(**self._common(steps), beta_1=self.beta_1, beta_2=self.beta_2)


class Adafactor(_Optimizer):
    """Adam's scales, held as one row and one column of each matrix (Shazeer and Stern, 2018)."""

    type: Literal["adafactor"] = "adafactor"
    relative_step: bool = False
    """Whether `learning_rate` is an upper bound only, below which the steps choose their own size."""

    def keras(self, steps: int) -> "keras.Optimizer":
        import keras  # as above

        return keras.optimizers.Adafactor(**self._common(steps), relative_step=self.relative_step)


Optimizer = Annotated[
    SGD | RMSprop | Adagrad | Adadelta | Adam | Adamax | Lion | Adafactor,
    Field(discriminator="type"),
    BeforeValidator(named),
]
