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
    """The examples of one part, on the host. `x` and `y` have as many rows; there is at least one."""

    x: NDArray[Any]
    y: NDArray[Any]
    batch_size: int
    seed: int

    @classmethod
    def of(
        cls, x: NDArray[Any], y: NDArray[Any], batch_size: int | Literal["all"], seed: int
    ) -> "Batches":
        return cls(x, y, len(x) if batch_size == "all" else min(batch_size, len(x)), seed)

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def steps(self) -> int:
        """Batches of an epoch; the last one may be smaller."""
        return -(-self.rows // self.batch_size)

    @property
    def batch_bytes(self) -> int:
        return (self.x.nbytes + self.y.nbytes) // self.rows * self.batch_size

    def groups(self, epoch: int, step: int, group: int, epochs: int) -> Iterator[Any]:
        """(x, y) of `group` batches at a time, one after the other, from a step of an epoch to the last.

        A group never reaches into the next epoch. They are prepared ahead, outside of Python.
        """
        with tf.device("CPU"):
            x, y = tf.constant(self.x), tf.constant(self.y)
            rows = (
                tf.data.Dataset.range(epoch, epochs)
                .flat_map(lambda now: self._rows(now, tf.where(now == epoch, step, 0), group))
                .map(
                    lambda rows: (tf.gather(x, rows), tf.gather(y, rows)),
                    num_parallel_calls=_PREFETCH,
                    deterministic=True,
                )
            )
        return iter(rows.prefetch(_PREFETCH))

    def chunks(self, batches: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """(x, y) of so many batches at a time, in the order of the rows."""
        size = batches * self.batch_size
        for start in range(0, self.rows, size):
            yield self.x[start : start + size], self.y[start : start + size]

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
