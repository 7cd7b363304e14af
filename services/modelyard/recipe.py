"""How a network is fitted: the `training` field of a request, every part a textbook word.

`optimizer.keras()` and `loss.keras()` make what they name; TensorFlow is imported inside them because
the jobs API and the worker's supervisor read requests without it.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from modelyard.errors import InvalidRequest
from modelyard.spec import Head, Spec

if TYPE_CHECKING:
    import keras

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]


def _named(value: Any) -> Any:
    """`adam` is short for `{type: adam}`."""
    return {"type": value} if isinstance(value, str) else value


class _Optimizer(Spec):
    learning_rate: Positive = 0.001
    clip_norm: Positive | None = None
    """Gradients of all weights together are scaled down to this norm."""
    weight_decay: Annotated[float, Field(ge=0)] | None = None

    def _common(self) -> dict[str, Any]:
        return {
            "learning_rate": self.learning_rate,
            "global_clipnorm": self.clip_norm,
            "weight_decay": self.weight_decay,
        }


class SGD(_Optimizer):
    """Gradient descent; `batch_size` makes it batch, stochastic or mini-batch."""

    type: Literal["sgd"] = "sgd"
    learning_rate: Positive = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False

    def keras(self) -> "keras.Optimizer":
        import keras

        return keras.optimizers.SGD(
            **self._common(), momentum=self.momentum, nesterov=self.nesterov
        )


class RMSprop(_Optimizer):
    type: Literal["rmsprop"] = "rmsprop"
    rho: Fraction = 0.9
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def keras(self) -> "keras.Optimizer":
        import keras

        return keras.optimizers.RMSprop(**self._common(), rho=self.rho, momentum=self.momentum)


class Adagrad(_Optimizer):
    type: Literal["adagrad"] = "adagrad"
    learning_rate: Positive = 0.01

    def keras(self) -> "keras.Optimizer":
        import keras

        return keras.optimizers.Adagrad(**self._common())


class Adam(_Optimizer):
    type: Literal["adam", "adamw", "nadam"] = "adam"
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999

    def keras(self) -> "keras.Optimizer":
        import keras

        kinds = {
            "adam": keras.optimizers.Adam,
            "adamw": keras.optimizers.AdamW,
            "nadam": keras.optimizers.Nadam,
        }
        common = self._common()
        if self.type == "adamw" and self.weight_decay is None:
            common["weight_decay"] = 0.004  # Keras' own default for AdamW
        return kinds[self.type](**common, beta_1=self.beta_1, beta_2=self.beta_2)


Optimizer = Annotated[
    SGD | RMSprop | Adagrad | Adam, Field(discriminator="type"), BeforeValidator(_named)
]


class CrossEntropy(Spec):
    """Categorical for a softmax head, binary for a sigmoid head."""

    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def keras(self, head: Head) -> "keras.Loss":
        import keras

        if head.activation == "sigmoid":
            return keras.losses.BinaryCrossentropy(label_smoothing=self.label_smoothing)
        return keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing)


class Regression(Spec):
    """Mean squared error, mean absolute error, or Poisson."""

    type: Literal["mse", "mae", "poisson"] = "mse"

    def keras(self, head: Head) -> "keras.Loss":
        import keras

        kinds = {
            "mse": keras.losses.MeanSquaredError,
            "mae": keras.losses.MeanAbsoluteError,
            "poisson": keras.losses.Poisson,
        }
        return kinds[self.type]()


class Huber(Spec):
    type: Literal["huber"] = "huber"
    delta: Positive = 1.0

    def keras(self, head: Head) -> "keras.Loss":
        import keras

        return keras.losses.Huber(delta=self.delta)


Loss = Annotated[
    CrossEntropy | Regression | Huber, Field(discriminator="type"), BeforeValidator(_named)
]


class Split(Spec):
    """Which examples are held out: `fraction` to choose by while training, `test` to judge at the end."""

    split: Literal["auto", "random", "stratified", "time"] = "auto"
    """auto: by time for a forecast, stratified for classes, else random. time: the last rows."""
    fraction: Fraction = 0.15
    """The share of all examples that validation takes."""
    test: Annotated[float, Field(gt=0)] = 0.15
    """The share that the test takes if below 1, else its number of rows."""


class EarlyStopping(Spec):
    """Ends training when `monitor` got no better for `patience` epochs; the best weights are kept."""

    monitor: Literal["val_loss", "loss", "val_accuracy", "accuracy"] = "val_loss"
    patience: PositiveInt = 5
    min_delta: Annotated[float, Field(ge=0)] = 0.0


class Training(Spec):
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 10
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] | Literal["all"] = 32
    """1 is stochastic, "all" is batch, everything between is mini-batch gradient descent."""
    optimizer: Optimizer = Adam()
    loss: Loss | None = None
    """The task's own if unset: cross-entropy for classes, mean squared error for numbers."""
    validation: Split = Split()
    early_stopping: EarlyStopping | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """mixed_*: compute in 16 bits, keep weights in 32; faster on GPUs that have the units for it."""
    deterministic: bool = False
    """The same request gives the same weights, at the cost of speed."""

    def check_loss(self, head: Head) -> None:
        """Raises InvalidRequest where the loss does not fit what the task answers."""
        if self.loss is None:
            return
        is_classifier = head.activation in ("softmax", "sigmoid")
        if isinstance(self.loss, CrossEntropy) != is_classifier:
            raise InvalidRequest.of(
                "training.loss",
                f"does not fit a task that answers {'classes' if is_classifier else 'numbers'}",
                expected="cross_entropy" if is_classifier else "mse, mae, huber or poisson",
                received=self.loss.type,
            )

    def loss_for(self, head: Head) -> CrossEntropy | Regression | Huber:
        if self.loss is not None:
            return self.loss
        return Regression() if head.activation == "linear" else CrossEntropy()
