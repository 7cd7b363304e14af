"""What the trainer's side of all tasks shares: signatures that are run in memory and exported alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Tensors = Mapping[str, tf.Tensor]
Serve = Callable[[keras.Model, Tensors], dict[str, tf.Tensor]]

BATCH = 256
"""Rows that are prepared or predicted at a time, so that memory stays bounded."""


@dataclass(frozen=True)
class Signature:
    """A callable of the exported model: `serve` goes from raw inputs to named answers."""

    inputs: Mapping[str, tf.TensorSpec]
    serve: Serve

    def answer(
        self, model: keras.Model, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Strings are answered as an object array of bytes, as an exported model answers them."""
        tensors = {
            name: tf.convert_to_tensor(inputs[name], dtype=spec.dtype)
            for name, spec in self.inputs.items()
        }
        return {name: value.numpy() for name, value in self.serve(model, tensors).items()}


def export(
    model: keras.Model, path: Path, signatures: Mapping[str, Signature], *resources: Any
) -> None:
    """Writes a SavedModel. `resources` are the look-up tables that the signatures use."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    for resource in resources:
        archive.track(resource)
    for name, signature in signatures.items():
        archive.add_endpoint(name, _bound(signature.serve, model), [dict(signature.inputs)])
    archive.write_out(str(path), verbose=False)


def _bound(serve: Serve, model: keras.Model) -> Callable[[Tensors], dict[str, tf.Tensor]]:
    return lambda inputs: serve(model, inputs)


def predict(model: keras.Model, features: NDArray[Any]) -> NDArray[np.float32]:
    """What the network answers, without its training behaviour."""
    batches = [
        np.asarray(model(features[start : start + BATCH], training=False))
        for start in range(0, len(features), BATCH)
    ]
    return np.concatenate(batches).astype(np.float32)


def classes_answer(scores: tf.Tensor, classes: tuple[str, ...]) -> dict[str, tf.Tensor]:
    names = tf.constant(classes, dtype=tf.string)
    return {
        "scores": tf.cast(scores, tf.float32),
        "class": tf.gather(names, tf.argmax(scores, axis=-1)),
    }


def table(keys: list[str], *, first: int, default: int) -> tf.lookup.StaticHashTable:
    """Numbers the keys from `first`; all else is `default`."""
    initializer = tf.lookup.KeyValueTensorInitializer(
        tf.constant(keys, dtype=tf.string),
        tf.range(first, first + len(keys), dtype=tf.int64),
    )
    return tf.lookup.StaticHashTable(initializer, default_value=default)


def strings(values: NDArray[Any]) -> NDArray[np.object_]:
    """Text as UTF-8 bytes, which is what TensorFlow's strings are; lone surrogates cannot be encoded."""
    encoded = np.empty(len(values), dtype=object)
    encoded[:] = [v if isinstance(v, bytes) else v.encode(errors="replace") for v in values]
    return encoded
