"""How the columns of a table become one vector, in the graph that is exported."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.tasks.keras import strings, table

MOST_CATEGORIES = 1000
"""Of one column; the rarer ones count as unknown."""
_FURTHEST = 10.0
"""Standard deviations; what is further away counts as this far, so that one outlier cannot rule a row."""


@dataclass(frozen=True)
class Number:
    """float32 (n,) to (n, 1), or (n, 2) with a mark for what is missing, if training saw such rows."""

    mean: float
    std: float
    has_missing: bool

    @classmethod
    def fitted(cls, values: NDArray[Any]) -> "Number":
        known = values[~np.isnan(values)]
        if not len(known):
            return cls(0.0, 1.0, True)
        return cls(float(known.mean()), float(known.std()) or 1.0, len(known) < len(values))

    @property
    def width(self) -> int:
        return 1 + self.has_missing

    @property
    def spec(self) -> tf.DType:
        return tf.float32

    @property
    def resources(self) -> tuple[Any, ...]:
        return ()

    def raw(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.astype(np.float32)

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        missing = tf.math.is_nan(values)
        scaled = tf.where(missing, 0.0, (values - self.mean) / self.std)
        scaled = tf.clip_by_value(scaled, -_FURTHEST, _FURTHEST)
        parts = [scaled, tf.cast(missing, tf.float32)] if self.has_missing else [scaled]
        return tf.stack(parts, axis=-1)


@dataclass(frozen=True)
class Category:
    """string (n,) to (n, 1 + categories): one of them is 1; the first stands for all that training never saw."""

    values: tuple[str, ...]
    table: tf.lookup.StaticHashTable = field(repr=False)

    @classmethod
    def fitted(cls, values: NDArray[Any]) -> "Category":
        counts = Counter(values.tolist())
        frequent = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CATEGORIES]
        return cls(tuple(frequent), table(frequent, first=1, default=0))

    @property
    def width(self) -> int:
        return 1 + len(self.values)

    @property
    def spec(self) -> tf.DType:
        return tf.string

    @property
    def resources(self) -> tuple[Any, ...]:
        return (self.table,)

    def raw(self, values: NDArray[Any]) -> NDArray[Any]:
        return strings(values)

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        return tf.one_hot(self.table.lookup(values), self.width)


@dataclass(frozen=True)
class Encoding:
    """Named columns to float32 (n, width)."""

    columns: Mapping[str, Number | Category]
    inputs: Mapping[str, str]
    """What the signature calls each column."""

    @classmethod
    def fitted(cls, kinds: Mapping[str, str], columns: Mapping[str, NDArray[Any]]) -> "Encoding":
        """`columns` are the training rows."""
        return cls(
            {
                name: Category.fitted(columns[name])
                if kind == "text"
                else Number.fitted(columns[name].astype(np.float64))
                for name, kind in kinds.items()
            },
            input_names(kinds),
        )

    @property
    def width(self) -> int:
        return sum(column.width for column in self.columns.values())

    @property
    def specs(self) -> dict[str, tf.TensorSpec]:
        return {
            self.inputs[name]: tf.TensorSpec((None,), column.spec, self.inputs[name])
            for name, column in self.columns.items()
        }

    @property
    def resources(self) -> tuple[Any, ...]:
        return tuple(r for column in self.columns.values() for r in column.resources)

    def raw(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """As signatures take them: float32 with NaN, and UTF-8 bytes."""
        return {
            self.inputs[name]: column.raw(columns[name]) for name, column in self.columns.items()
        }

    def __call__(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        encoded = [column(inputs[self.inputs[name]]) for name, column in self.columns.items()]
        return tf.concat(encoded, axis=1)


def input_names(columns: Iterable[str]) -> dict[str, str]:
    """A name for each column that TensorFlow takes for a signature: `capital gain` becomes `capital_gain`.

    TensorFlow wants letters, digits and `_.-`, and tells names apart without regard to case.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        plain = _NOT_PLAIN.sub("_", column)
        plain = plain if plain[0].isalnum() else f"column{plain}"
        name, count = plain, 1
        while name.lower() in taken:
            count += 1
            name = f"{plain}_{count}"
        taken.add(name.lower())
        names[column] = name
    return names


_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.-]")
