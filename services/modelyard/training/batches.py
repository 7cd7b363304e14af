"""What the network is fed: batches in an order that depends on seed and epoch alone.

That makes a resumed attempt see what an uninterrupted one would have seen, in the middle of an epoch too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf
from numpy.typing import NDArray

_PREFETCH = 2


@dataclass(frozen=True)
class Batches:
    """The examples of one part, on the host. All arrays have as many rows; there is at least one."""

    x: NDArray[Any]
    y: NDArray[Any]
    batch_size: int
    seed: int
    weights: NDArray[Any] | None = None
    """How much each example counts; all alike if absent."""

    @classmethod
    def of(
        cls,
        x: NDArray[Any],
        y: NDArray[Any],
        batch_size: int | Literal["all"],
        seed: int,
        weights: NDArray[Any] | None = None,
    ) -> "Batches":
        size = len(x) if batch_size == "all" else min(batch_size, len(x))
        return cls(x, y, size, seed, weights)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """(x, y), or (x, y, weights), as Keras takes them."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def steps(self) -> int:
        """Batches of an epoch; the last one may be smaller."""
        return -(-self.rows // self.batch_size)

    @property
    def batch_bytes(self) -> int:
        return sum(array.nbytes for array in self.arrays) // self.rows * self.batch_size

    def groups(self, epoch: int, step: int, group: int, epochs: int) -> Iterator[Any]:
        """The arrays of `group` batches at a time, one after the other, from a step of an epoch to the last.

        A group never reaches into the next epoch. They are prepared ahead, outside of Python.
        """
        with tf.device("CPU"):
            arrays = [tf.constant(array) for array in self.arrays]
            rows = (
                tf.data.Dataset.range(epoch, epochs)
                .flat_map(lambda now: self._rows(now, tf.where(now == epoch, step, 0), group))
                .map(
                    lambda rows: tuple(tf.gather(array, rows) for array in arrays),
                    num_parallel_calls=_PREFETCH,
                    deterministic=True,
                )
            )
        return iter(rows.prefetch(_PREFETCH))

    def chunks(self, batches: int) -> Iterator[tuple[NDArray[Any], ...]]:
        """The arrays of so many batches at a time, in the order of the rows."""
        size = batches * self.batch_size
        for start in range(0, self.rows, size):
            yield tuple(array[start : start + size] for array in self.arrays)

    def _rows(self, epoch: Any, first: Any, group: int) -> Any:
        """The row numbers of one epoch, a group at a time."""
        order = self._order(epoch)
        starts = tf.data.Dataset.range(tf.cast(first, tf.int64), self.steps, group)
        size = self.batch_size
        return starts.map(lambda at: order[at * size : (at + group) * size])

    def _order(self, epoch: Any) -> Any:
        rows = tf.range(self.rows, dtype=tf.int64)
        if self.steps == 1:
            return rows
        seed = tf.stack([tf.constant(self.seed, tf.int64), epoch])
        return tf.random.experimental.stateless_shuffle(rows, seed)
