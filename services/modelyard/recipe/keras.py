"""What Keras lacks of a recipe: schedules that count epochs, and the pinball loss. It imports TensorFlow."""

from typing import Any

import keras
from keras import ops

from modelyard.recipe.schedules import _Paced


class Paced(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras is untyped
    """A schedule of ours, for an epoch of `steps` batches."""

    def __init__(self, schedule: _Paced, steps: int) -> None:
        self._schedule = schedule
        self._steps = steps

    def __call__(self, step: Any) -> Any:
        """`step` counts the batches that were trained on, accumulated ones too."""
        epoch = ops.cast(step, "float32") / self._steps
        warmup = self._schedule.warmup
        rate = self._schedule.after_warmup(ops.maximum(epoch - warmup, 0.0))
        if not warmup:
            return ops.convert_to_tensor(rate, "float32")
        # The first batch would learn nothing at a rate of 0.
        grown = self._schedule.start * (epoch + 1 / self._steps) / warmup
        return ops.where(epoch < warmup, ops.minimum(grown, self._schedule.start), rate)

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self._schedule.model_dump(), "steps": self._steps}


class PinballLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras is untyped
    """max(q · e, (q - 1) · e) of the error e = truth - answer: its minimum is at the quantile q.

    Truth is (n, values), the answer (n, values · quantiles) with the quantiles of a value side by side.
    """

    def __init__(self, *quantiles: float) -> None:
        super().__init__(name="pinball")
        self._quantiles = quantiles

    def call(self, y_true: Any, y_pred: Any) -> Any:
        count = len(self._quantiles)
        quantiles = ops.convert_to_tensor(self._quantiles, y_pred.dtype)
        answers = ops.reshape(y_pred, (-1, y_pred.shape[-1] // count, count))
        error = ops.expand_dims(ops.cast(y_true, y_pred.dtype), -1) - answers
        return ops.mean(ops.maximum(quantiles * error, (quantiles - 1) * error), axis=(-2, -1))
