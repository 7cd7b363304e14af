"""How images are learned: decoded, brought to one size and scaled by the same graph that is exported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.errors import BadData, Violation
from modelyard.examples import Examples
from modelyard.recipe import Split
from modelyard.spec import Features, Head
from modelyard.tasks import classification, splitting, weighting
from modelyard.tasks.classification import Labels
from modelyard.tasks.image_classification.augmentation import Augmentation
from modelyard.tasks.keras import BATCH, Signature, Tensors, classes_answer, export, predict
from modelyard.tasks.learning import Evaluation, Part
from modelyard.tasks.splitting import Parts

if TYPE_CHECKING:
    from modelyard.tasks.image_classification.task import ImageClassification

ENCODED, ARRAYS = "serving_default", "arrays"


@dataclass(frozen=True)
class ImageLearning:
    """Two signatures: `serving_default` takes encoded images, `arrays` takes uint8 of any height and width."""

    images: NDArray[Any]
    """Encoded images, or uint8 arrays (rows, height, width, channels)."""
    labels: Labels
    parts: Parts
    size: tuple[int, int]
    channels: int
    scaled: NDArray[np.float32] = field(repr=False)
    """All rows as the network sees them."""
    augmented: Augmentation = field(default_factory=Augmentation)
    weight: NDArray[np.float32] | None = field(default=None, repr=False)
    """How much each row counts."""

    @classmethod
    def of(
        cls, task: "ImageClassification", examples: Examples, split: Split, seed: int
    ) -> "ImageLearning":
        images = _plain(examples.columns[task.image])
        labels = Labels.of(examples, task.label)
        first = _decode_first(images, examples)
        size = task.size or (int(first.shape[0]), int(first.shape[1]))
        channels = task.channels or (1 if first.shape[2] < 3 else 3)
        parts = splitting.by_class(split, labels.names, seed)
        return cls(
            images,
            labels,
            parts,
            size,
            channels,
            _scaled(images, size, channels, examples),
            task.augmentation,
            weighting.weights(examples, task.weight, parts.train),
        )

    @property
    def features(self) -> Features:
        return Features("image", (*self.size, self.channels))

    @property
    def head(self) -> Head:
        return Head(len(self.labels.classes), "softmax")

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labels.classes

    @property
    def serving(self) -> Mapping[str, Any]:
        return {"size": list(self.size), "channels": self.channels}

    @property
    def statistics(self) -> Mapping[str, Any]:
        train = self.scaled[self.parts.train]
        return {
            "examples": {
                part: len(self.parts.of(part)) for part in ("train", "validation", "test")
            },
            "classes": self.labels.counts(self.parts.train),
            "brightness": {"mean": float(train.mean()), "std": float(train.std())},
        }

    def arrays(self, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        rows = self.parts.of(part)
        return self.scaled[rows], self.labels.one_hot(rows)

    def weights(self, part: Part) -> NDArray[Any] | None:
        return None if self.weight is None else self.weight[self.parts.of(part)]

    def augmentation(self) -> list[keras.Layer]:
        return self.augmented.layers()

    def metrics(self) -> list[keras.Metric | str]:
        return ["accuracy"]

    def export(self, model: keras.Model, path: Path) -> None:
        export(model, path, self._signatures)

    def golden(self, rows: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        chosen = self.parts.test[:rows]
        if self.images.dtype == object:
            encoded, arrays = self.images[chosen], _to_bytes(self.scaled[chosen])
        else:
            encoded, arrays = _encoded(self.images[chosen]), self.images[chosen]
            arrays = _channels(tf.constant(arrays), self.channels).numpy()
        return {ENCODED: {"image": encoded}, ARRAYS: {"image": arrays}}

    def answer(
        self, model: keras.Model, signature: str, inputs: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any]]:
        return self._signatures[signature].answer(model, inputs)

    def evaluate(self, model: keras.Model) -> Evaluation:
        scores = predict(model, self.scaled[self.parts.test])
        truth, train = self.labels.indices[self.parts.test], self.labels.indices[self.parts.train]
        return classification.evaluate(scores, truth, train, self.classes)

    @cached_property
    def _signatures(self) -> dict[str, Signature]:
        shape = (None, None, None, self.channels)
        return {
            ENCODED: Signature(
                {"image": tf.TensorSpec((None,), tf.string, "image")}, self._encoded
            ),
            ARRAYS: Signature({"image": tf.TensorSpec(shape, tf.uint8, "image")}, self._decoded),
        }

    def _encoded(self, model: keras.Model, inputs: Tensors) -> dict[str, tf.Tensor]:
        scaled = prepare_encoded(inputs["image"], self.size, self.channels)
        return classes_answer(model(scaled, training=False), self.classes)

    def _decoded(self, model: keras.Model, inputs: Tensors) -> dict[str, tf.Tensor]:
        scaled = prepare_arrays(inputs["image"], self.size)
        return classes_answer(model(scaled, training=False), self.classes)


def prepare_encoded(images: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """Encoded images (n,) to float32 (n, height, width, channels) between 0 and 1."""

    def prepare(image: tf.Tensor) -> tf.Tensor:
        return prepare_arrays(decode(image, channels)[tf.newaxis], size)[0]

    spec = tf.TensorSpec((*size, channels), tf.float32)
    return tf.map_fn(prepare, images, fn_output_signature=spec)


_prepare_in_graph = tf.function(prepare_encoded, reduce_retracing=True)
"""Run as a graph it is faster, and a broken image does not leave half a loop behind."""


def prepare_arrays(images: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """uint8 (n, any height, any width, channels) to float32 (n, height, width, channels) between 0 and 1."""
    resized = tf.image.resize(images, size, antialias=True)
    return tf.clip_by_value(resized / 255.0, 0.0, 1.0)


def decode(image: tf.Tensor, channels: int) -> tf.Tensor:
    """The first frame of an encoded image, uint8 (height, width, channels); transparency is dropped."""
    decoded = tf.io.decode_image(image, channels=0, expand_animations=False)
    decoded.set_shape((None, None, None))
    return _channels(decoded, channels)


def _channels(images: tf.Tensor, channels: int) -> tf.Tensor:
    """Grey or colour, from images with 1 (grey), 2 (and alpha), 3 (colour) or 4 channels."""
    is_colour = tf.shape(images)[-1] >= 3
    if channels == 3:
        return tf.cond(
            is_colour,
            lambda: images[..., :3],
            lambda: tf.repeat(images[..., :1], 3, axis=-1),
        )
    return tf.cond(
        is_colour,
        lambda: tf.image.rgb_to_grayscale(images[..., :3]),
        lambda: images[..., :1],
    )


def _plain(images: NDArray[Any]) -> NDArray[Any]:
    if images.dtype == object:
        return images
    with_channels = images if images.ndim == 4 else images[..., np.newaxis]
    return with_channels if images.dtype == np.uint8 else np.rint(with_channels).astype(np.uint8)


def _decode_first(images: NDArray[Any], examples: Examples) -> NDArray[np.uint8]:
    if images.dtype != object:
        first: NDArray[np.uint8] = images[0]
        return first
    BadData.refuse(_undecodable(images[:1], examples, 0))
    decoded: NDArray[np.uint8] = tf.io.decode_image(images[0], expand_animations=False).numpy()
    return decoded


def _scaled(
    images: NDArray[Any], size: tuple[int, int], channels: int, examples: Examples
) -> NDArray[np.float32]:
    scaled = np.empty((len(images), *size, channels), dtype=np.float32)
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        scaled[start : start + BATCH] = _prepared(batch, size, channels, examples, start)
    return scaled


def _prepared(
    batch: NDArray[Any], size: tuple[int, int], channels: int, examples: Examples, start: int
) -> NDArray[np.float32]:
    if batch.dtype != object:
        arrays = _channels(tf.constant(batch), channels)
        prepared: NDArray[np.float32] = prepare_arrays(arrays, size).numpy()
        return prepared
    try:
        prepared = _prepare_in_graph(tf.constant(batch), size, channels).numpy()
    except tf.errors.InvalidArgumentError:
        BadData.refuse(_undecodable(batch, examples, start))
        raise  # each image can be decoded by itself
    return prepared


def _undecodable(batch: NDArray[Any], examples: Examples, start: int) -> list[Violation]:
    found = []
    for row, image in enumerate(batch, start):
        try:
            tf.io.decode_image(image, expand_animations=False)
        except tf.errors.InvalidArgumentError as error:
            where = examples.where(row)
            found.append(Violation(where, f"the image cannot be decoded: {_short(error)}"))
    return found


def _short(error: tf.errors.OpError) -> str:
    """TensorFlow's message without the name of the operation."""
    return str(error.message).partition("}} ")[2].partition(" [Op:")[0] or str(error.message)


def _to_bytes(scaled: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(scaled * 255).astype(np.uint8)


def _encoded(images: NDArray[np.uint8]) -> NDArray[np.object_]:
    encoded = np.empty(len(images), dtype=object)
    encoded[:] = [tf.io.encode_png(image).numpy() for image in images]
    return encoded
