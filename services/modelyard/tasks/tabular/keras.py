"""How rows of a table are learned: encoded by the same graph that is exported."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest
from modelyard.examples import Examples
from modelyard.recipe import Split
from modelyard.spec import Features, Head
from modelyard.tasks import classification, splitting, weighting
from modelyard.tasks.classification import Labels
from modelyard.tasks.keras import BATCH, Signature, Tensors, classes_answer, export, predict
from modelyard.tasks.learning import Evaluation, Part
from modelyard.tasks.splitting import Parts
from modelyard.tasks.tabular import rows
from modelyard.tasks.tabular.encoding import Encoding
from modelyard.tasks.tabular.task import ACTIVATION

if TYPE_CHECKING:
    from modelyard.tasks.tabular.task import Tabular, TabularRegression

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Table:
    """The rows, their parts, and how a row becomes a vector."""

    kinds: Mapping[str, str]
    columns: Columns
    """Raw, as signatures take them."""
    parts: Parts
    encoding: Encoding
    weight: NDArray[np.float32] | None = None
    """How much each row counts."""

    @property
    def features(self) -> Features:
        return Features("vector", (self.encoding.width,))

    @property
    def serving(self) -> Mapping[str, Any]:
        """`columns` are the inputs of the signature, `inputs` tells which column of the dataset each is."""
        inputs = self.encoding.inputs
        return {
            "columns": {inputs[name]: kind for name, kind in self.kinds.items()},
            "inputs": {inputs[name]: name for name in self.kinds},
        }

    @property
    def statistics(self) -> Mapping[str, Any]:
        return {
            "examples": {
                part: len(self.parts.of(part)) for part in ("train", "validation", "test")
            },
            "values": self.encoding.width,
        }

    def vectors(self, part: Part) -> NDArray[np.float32]:
        chosen = self.parts.of(part)
        batches = (chosen[i : i + BATCH] for i in range(0, len(chosen), BATCH))
        return np.concatenate([self._encoded(batch) for batch in batches])

    def weights(self, part: Part) -> NDArray[np.float32] | None:
        return None if self.weight is None else self.weight[self.parts.of(part)]

    def golden(self, count: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        return {"serving_default": self._take(self.parts.test[:count])}

    def _take(self, chosen: NDArray[np.int64]) -> Columns:
        return {name: values[chosen] for name, values in self.columns.items()}

    def _encoded(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        tensors = {name: tf.constant(values) for name, values in self._take(chosen).items()}
        encoded: NDArray[np.float32] = self.encoding(tensors).numpy()
        return encoded


@dataclass(frozen=True)
class TableClasses:
    """`serving_default` takes every column, and answers scores and class."""

    table: Table
    labels: Labels

    @classmethod
    def of(cls, task: "Tabular", examples: Examples, split: Split, seed: int) -> "TableClasses":
        labels = Labels.of(examples, task.target)
        parts = splitting.by_class(split, labels.names, seed)
        return cls(_table(task, examples, parts), labels)

    @property
    def features(self) -> Features:
        return self.table.features

    @property
    def head(self) -> Head:
        return Head(len(self.classes), "softmax")

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labels.classes

    @property
    def serving(self) -> Mapping[str, Any]:
        return self.table.serving

    @property
    def statistics(self) -> Mapping[str, Any]:
        return {**self.table.statistics, "classes": self.labels.counts(self.table.parts.train)}

    def arrays(self, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.table.vectors(part), self.labels.one_hot(self.table.parts.of(part))

    def weights(self, part: Part) -> NDArray[Any] | None:
        return self.table.weights(part)

    def augmentation(self) -> list[keras.Layer]:
        return []

    def metrics(self) -> list[keras.Metric | str]:
        return ["accuracy"]

    def export(self, model: keras.Model, path: Path) -> None:
        export(model, path, self._signatures, *self.table.encoding.resources)

    def golden(self, rows: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        return self.table.golden(rows)

    def answer(
        self, model: keras.Model, signature: str, inputs: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any]]:
        return self._signatures[signature].answer(model, inputs)

    def evaluate(self, model: keras.Model) -> Evaluation:
        scores = predict(model, self.table.vectors("test"))
        truth = self.labels.indices[self.table.parts.test]
        train = self.labels.indices[self.table.parts.train]
        return classification.evaluate(scores, truth, train, self.classes)

    @cached_property
    def _signatures(self) -> dict[str, Signature]:
        return {"serving_default": Signature(self.table.encoding.specs, self._serve)}

    def _serve(self, model: keras.Model, inputs: Tensors) -> dict[str, tf.Tensor]:
        scores = model(self.table.encoding(inputs), training=False)
        return classes_answer(scores, self.classes)


@dataclass(frozen=True)
class TableNumber:
    """`serving_default` takes every column, and answers the value in the target's own unit."""

    table: Table
    target: NDArray[np.float64]
    values: str

    @classmethod
    def of(
        cls, task: "TabularRegression", examples: Examples, split: Split, seed: int
    ) -> "TableNumber":
        _refuse_classes(split)
        parts = splitting.by_chance(split, len(examples), seed)
        target = examples.columns[task.target].astype(np.float64)
        return cls(_table(task, examples, parts), target, task.values)

    @property
    def features(self) -> Features:
        return self.table.features

    @property
    def head(self) -> Head:
        return Head(1, ACTIVATION[self.values])

    @property
    def classes(self) -> None:
        return None

    @property
    def serving(self) -> Mapping[str, Any]:
        return self.table.serving

    @property
    def statistics(self) -> Mapping[str, Any]:
        train = self._truth("train")
        return {
            **self.table.statistics,
            "target": {"mean": float(train.mean()), "std": float(train.std()) or 1.0},
        }

    def arrays(self, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        """The target in standard deviations from its mean; counts in parts of their mean."""
        shift, scale = self._scale
        scaled = (self._truth(part) - shift) / scale
        return self.table.vectors(part), scaled.astype(np.float32)[:, np.newaxis]

    def weights(self, part: Part) -> NDArray[Any] | None:
        return self.table.weights(part)

    def augmentation(self) -> list[keras.Layer]:
        return []

    def metrics(self) -> list[keras.Metric | str]:
        return ["mae"]

    def export(self, model: keras.Model, path: Path) -> None:
        export(model, path, self._signatures, *self.table.encoding.resources)

    def golden(self, rows: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        return self.table.golden(rows)

    def answer(
        self, model: keras.Model, signature: str, inputs: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any]]:
        return self._signatures[signature].answer(model, inputs)

    def evaluate(self, model: keras.Model) -> Evaluation:
        shift, scale = self._scale
        values = predict(model, self.table.vectors("test"))[:, 0] * scale + shift
        truth, mean = self._truth("test"), float(self._truth("train").mean())
        return Evaluation(
            metrics=_figures(values, truth),
            baseline=_figures(np.full(len(truth), mean), truth),
        )

    @cached_property
    def _scale(self) -> tuple[float, float]:
        """What is taken off a value, and what it is then divided by: a count stays one."""
        train = self._truth("train")
        if self.values == "counts":
            return 0.0, float(train.mean()) or 1.0
        return float(train.mean()), float(train.std()) or 1.0

    def _truth(self, part: Part) -> NDArray[np.float64]:
        return self.target[self.table.parts.of(part)]

    @cached_property
    def _signatures(self) -> dict[str, Signature]:
        return {"serving_default": Signature(self.table.encoding.specs, self._serve)}

    def _serve(self, model: keras.Model, inputs: Tensors) -> dict[str, tf.Tensor]:
        shift, scale = self._scale
        scaled = tf.cast(model(self.table.encoding(inputs), training=False), tf.float32)
        return {"value": scaled[:, 0] * scale + shift}


def _table(task: "Tabular", examples: Examples, parts: Parts) -> Table:
    kinds = rows.inputs(task, examples)
    train = {name: examples.columns[name][parts.train] for name in kinds}
    encoding = Encoding.fitted(kinds, train)
    weight = weighting.weights(examples, task.weight, parts.train)
    return Table(kinds, encoding.raw(examples.columns), parts, encoding, weight)


def _refuse_classes(split: Split) -> None:
    if split.split == "stratified":
        raise InvalidRequest.of(
            "training.validation.split",
            "needs classes, and the task has none",
            expected="auto, random or time",
            received=split.split,
        )


def _figures(values: NDArray[Any], truth: NDArray[np.float64]) -> dict[str, float]:
    error = values.astype(np.float64) - truth
    squares = float(((truth - truth.mean()) ** 2).sum())
    figures = {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}
    if squares > 0:  # of a constant there is nothing to explain
        figures["r2"] = 1.0 - float((error**2).sum()) / squares
    return figures
