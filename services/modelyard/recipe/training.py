"""The whole recipe."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from modelyard.errors import InvalidRequest
from modelyard.recipe import losses
from modelyard.recipe.losses import AnyLoss, Loss
from modelyard.recipe.optimizers import Adam, Optimizer
from modelyard.recipe.schedules import OnPlateau
from modelyard.recipe.split import Split
from modelyard.recipe.values import Monitor, NotNegative, Positive
from modelyard.spec import Head, Spec

ClassWeights = Literal["balanced"] | Annotated[dict[str, Positive], Field(min_length=1)]


class EarlyStopping(Spec):
    """Ends training when `monitor` got no better for `patience` epochs; the best weights are kept."""

    monitor: Monitor = "val_loss"
    patience: PositiveInt = 5
    min_delta: NotNegative = 0.0


class Training(Spec):
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 10
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] | Literal["all"] = 32
    """1 is stochastic, "all" is batch, everything between is mini-batch gradient descent."""
    optimizer: Optimizer = Adam()
    loss: Loss | None = None
    """The task's own if unset: cross-entropy for classes, mean squared error for numbers, Poisson for counts."""
    class_weights: ClassWeights | None = None
    """How much an example of a class counts while training, 1 where none is given.

    balanced: all classes count alike in sum, and an example 1 on average.
    """
    validation: Split = Split()
    early_stopping: EarlyStopping | None = None
    calibrate: bool = True
    """Makes a classifier's probabilities mean what they say: one temperature, fitted on the validation part.

    It changes no answer, only how sure it is; it needs 50 examples.
    """
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """mixed_*: compute in 16 bits, keep weights in 32; faster on GPUs that have the units for it."""
    deterministic: bool = False
    """The same request gives the same weights, at the cost of speed."""

    @property
    def plateau(self) -> OnPlateau | None:
        """The rule of a learning rate that follows what was reached."""
        rate = self.optimizer.learning_rate
        return rate if isinstance(rate, OnPlateau) else None

    def check_loss(self, head: Head) -> None:
        """Raises InvalidRequest where loss or class weights do not fit what the task answers."""
        if self.class_weights is not None and head.activation != "softmax":
            raise InvalidRequest.of(
                "training.class_weights", "needs a task that answers one class of several"
            )
        if self.loss is None:
            return
        against = losses.objection(self.loss, head)
        if against is not None:
            message, expected = against
            raise InvalidRequest.of(
                "training.loss", message, expected=expected, received=self.loss.type
            )

    def loss_for(self, head: Head) -> AnyLoss:
        return self.loss or losses.default(head)
