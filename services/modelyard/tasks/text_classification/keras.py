"""How texts are learned: cut into tokens and numbered by the same graph that is exported."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.examples import Examples
from modelyard.recipe import Split
from modelyard.spec import Features, Head
from modelyard.tasks import classification, splitting, weighting
from modelyard.tasks.classification import Labels
from modelyard.tasks.keras import (
    Signature,
    Tensors,
    classes_answer,
    export,
    predict,
    strings,
    table,
)
from modelyard.tasks.learning import Evaluation, Part
from modelyard.tasks.splitting import Parts

if TYPE_CHECKING:
    from modelyard.tasks.text_classification.task import TextClassification

UNKNOWN = 1
_FIRST = 2
"""0 is padding and 1 the unknown; known tokens are numbered from here."""
_MANY_TOKENS = 1000
"""With more distinct tokens than this, those seen once are left out: they train the unknown instead."""


@dataclass(frozen=True)
class Tokenizer:
    """Texts (n,) to token numbers (n, length). Every text has at least one token: an empty one is unknown."""

    kind: str
    length: int
    tokens: tuple[str, ...]
    table: tf.lookup.StaticHashTable = field(repr=False)

    @classmethod
    def fitted(cls, task: "TextClassification", texts: NDArray[np.object_]) -> "Tokenizer":
        counts = Counter(split(tf.constant(texts), task.tokens).flat_values.numpy().tolist())
        least = 2 if len(counts) > _MANY_TOKENS else 1
        frequent = sorted(
            (token for token, count in counts.items() if count >= least),
            key=lambda token: (-counts[token], token),
        )
        tokens = tuple(t.decode(errors="replace") for t in frequent[: task.vocabulary - _FIRST])
        return cls(
            task.tokens,
            task.length,
            tokens,
            table(list(tokens), first=_FIRST, default=UNKNOWN),
        )

    @property
    def vocabulary(self) -> int:
        return _FIRST + len(self.tokens)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        numbers = self.table.lookup(split(texts, self.kind))
        padded = tf.cast(numbers.to_tensor(shape=(None, self.length)), tf.int32)
        return tf.concat([tf.maximum(padded[:, :1], UNKNOWN), padded[:, 1:]], axis=1)


def split(texts: tf.Tensor, kind: str) -> tf.RaggedTensor:
    lower = tf.strings.lower(texts, encoding="utf-8")
    if kind == "characters":
        return tf.strings.unicode_split(lower, "UTF-8")
    joined = tf.strings.regex_replace(lower, r"['’]", "")  # don't is one word
    return tf.strings.split(tf.strings.regex_replace(joined, r"[[:punct:]]+", " "))


@dataclass(frozen=True)
class TextLearning:
    texts: NDArray[np.object_]
    """UTF-8 bytes."""
    labels: Labels
    parts: Parts
    tokenizer: Tokenizer
    weight: NDArray[np.float32] | None = field(default=None, repr=False)
    """How much each row counts."""

    @classmethod
    def of(
        cls, task: "TextClassification", examples: Examples, split: Split, seed: int
    ) -> "TextLearning":
        texts = strings(examples.columns[task.text])
        labels = Labels.of(examples, task.label)
        parts = splitting.by_class(split, labels.names, seed)
        return cls(
            texts,
            labels,
            parts,
            Tokenizer.fitted(task, texts[parts.train]),
            weighting.weights(examples, task.weight, parts.train),
        )

    @property
    def features(self) -> Features:
        tokens = self.tokenizer
        return Features("tokens", (tokens.length,), vocabulary=tokens.vocabulary)

    @property
    def head(self) -> Head:
        return Head(len(self.labels.classes), "softmax")

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labels.classes

    @property
    def serving(self) -> Mapping[str, Any]:
        return {"length": self.tokenizer.length, "tokens": self.tokenizer.kind}

    @property
    def statistics(self) -> Mapping[str, Any]:
        numbers = self._numbers(self.parts.train)
        read = numbers > 0
        return {
            "examples": {
                part: len(self.parts.of(part)) for part in ("train", "validation", "test")
            },
            "classes": self.labels.counts(self.parts.train),
            "vocabulary": self.tokenizer.vocabulary,
            "mean_tokens": float(read.sum(axis=1).mean()),
            "unknown_share": float((numbers == UNKNOWN).sum() / read.sum()),
            "cut_off_share": float(read[:, -1].mean()),
        }

    def arrays(self, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        rows = self.parts.of(part)
        return self._numbers(rows), self.labels.one_hot(rows)

    def weights(self, part: Part) -> NDArray[Any] | None:
        return None if self.weight is None else self.weight[self.parts.of(part)]

    def augmentation(self) -> list[keras.Layer]:
        return []

    def metrics(self) -> list[keras.Metric | str]:
        return ["accuracy"]

    def export(self, model: keras.Model, path: Path) -> None:
        export(model, path, self._signatures, self.tokenizer.table)

    def golden(self, rows: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        return {"serving_default": {"text": self.texts[self.parts.test[:rows]]}}

    def answer(
        self, model: keras.Model, signature: str, inputs: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any]]:
        return self._signatures[signature].answer(model, {"text": strings(inputs["text"])})

    def evaluate(self, model: keras.Model) -> Evaluation:
        scores = predict(model, self._numbers(self.parts.test))
        truth, train = self.labels.indices[self.parts.test], self.labels.indices[self.parts.train]
        return classification.evaluate(scores, truth, train, self.classes)

    def _numbers(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        numbers: NDArray[np.int32] = self.tokenizer(tf.constant(self.texts[rows])).numpy()
        return numbers

    @cached_property
    def _signatures(self) -> dict[str, Signature]:
        text = {"text": tf.TensorSpec((None,), tf.string, "text")}
        return {"serving_default": Signature(text, self._serve)}

    def _serve(self, model: keras.Model, inputs: Tensors) -> dict[str, tf.Tensor]:
        scores = model(self.tokenizer(inputs["text"]), training=False)
        return classes_answer(scores, self.classes)
