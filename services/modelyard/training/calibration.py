"""After fitting: a classifier's probabilities are calibrated on the validation part, as part of its graph."""

from typing import Any

import keras
import numpy as np
from keras import ops

from modelyard.spec import Features
from modelyard.tasks import Learning, calibration
from modelyard.tasks.keras import predict

LEAST_ROWS = 50
"""Fewer examples say too little of how sure a network may be."""


class Temperature(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Divides the logits of probabilities (rows, classes) by a constant."""

    def __init__(self, temperature: float) -> None:
        super().__init__(name="temperature", dtype="float32", trainable=False)
        self.temperature = temperature

    def call(self, probabilities: Any) -> Any:
        return ops.softmax(ops.log(ops.maximum(probabilities, 1e-30)) / self.temperature)


def calibrated(model: keras.Model, learning: Learning) -> tuple[keras.Model, float | None]:
    """The network with its temperature, and what that is; as it was where nothing can be calibrated."""
    x, y = learning.arrays("validation")
    if learning.head.activation != "softmax" or len(x) < LEAST_ROWS:
        return model, None
    scores = predict(model, x).astype(np.float64)
    found = calibration.temperature(scores, y.argmax(axis=1))
    return _with(model, learning.features, Temperature(found)), found


def _with(model: keras.Model, features: Features, layer: Temperature) -> keras.Model:
    dtype = "int32" if features.kind == "tokens" else "float32"
    source = keras.Input(features.shape, dtype=dtype, name=features.kind)
    return keras.Sequential([source, model, layer], name="calibrated")
