"""The steps of training and of validation as TensorFlow runs them: several in one call, without Python.

A small network's step is shorter than a call from Python. Training stops within the step whose loss is not
finite, so that no later one can follow it.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from modelyard.training.batches import Batches

Steps = Callable[..., tuple[Any, dict[str, Any]]]
"""Runs the batches in the arrays of `Batches`; answers how many, and the running metrics, of which the loss is one."""


def training_steps(model: keras.Model, batches: Batches) -> Steps:
    return _looped(model, model.train_step, batches)


def validation_steps(model: keras.Model, batches: Batches) -> Steps:
    return _looped(model, model.test_step, batches)


def build(model: keras.Model, batches: Batches) -> list[str]:
    """Makes all variables that steps need, and answers what they will log."""
    x, y = tf.constant(batches.x[:1]), tf.constant(batches.y[:1])
    answer = tf.zeros((1, *model.output_shape[1:]))
    model.optimizer.build(model.trainable_variables)
    model.compute_loss(x, y, answer)
    logged = list(model.compute_metrics(x, y, answer))
    model.reset_metrics()
    return logged


def _looped(model: keras.Model, step: Callable[[Any], Any], batches: Batches) -> Steps:
    size = batches.batch_size

    def run(*arrays: Any) -> tuple[Any, dict[str, Any]]:
        steps = -(-tf.shape(arrays[0])[0] // size)

        def goes_on(done: Any, is_finite: Any) -> Any:
            return (done < steps) & is_finite

        def body(done: Any, _: Any) -> tuple[Any, Any]:
            here = slice(done * size, (done + 1) * size)
            logs = step(tuple(array[here] for array in arrays))
            return done + 1, tf.math.is_finite(logs["loss"])

        done, _ = tf.while_loop(goes_on, body, (tf.constant(0), tf.constant(True)))
        return done, model.get_metrics_result()

    signature = [_rows(array) for array in batches.arrays]
    compiled: Steps = tf.function(run, input_signature=signature, autograph=False)
    return compiled


def _rows(array: Any) -> tf.TensorSpec:
    return tf.TensorSpec((None, *array.shape[1:]), array.dtype)
