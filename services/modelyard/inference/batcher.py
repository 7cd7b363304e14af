"""Natural batching: a thread takes whatever is waiting, runs it as one batch, and cuts the answer up.

There is no timer: a call that finds the version idle runs at once, and while it runs others gather.
Calls share a batch if they ask the same signature with the same dtypes and shapes of one example.
Batches are filled up to a few fixed sizes by repeating a row, so that the runtime sees few shapes.
If a batch fails, its calls run once alone: one bad example never fails its neighbours.
"""

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard import logs
from modelyard.errors import (
    Cancelled,
    DeadlineExceeded,
    InternalError,
    ModelyardError,
    ResourceExhausted,
    Unavailable,
)
from modelyard.inference.metrics import InferenceMetrics
from modelyard.prediction import Arrays, Call
from modelyard.runtimes import Runtime

log = logs.get(__name__)

_LEAVE_POLL_SECONDS = 0.25
"""How often a waiting call looks whether its caller has left."""

_CLOCK_SECONDS = 0.05
"""How far the clocks of a deadline may differ."""

Layout = tuple[Any, ...]


@dataclass(frozen=True)
class Limits:
    batch_rows: int
    """The largest batch that is put together. A larger single call runs alone."""
    queue_rows: int
    """How many examples may wait for one signature."""
    threads: int = 1
    """Batches that run at the same time."""


@dataclass(frozen=True)
class Answer:
    outputs: Arrays
    queue_seconds: float
    run_seconds: float


@dataclass(eq=False)
class Item:
    """One call that waits."""

    signature: str
    inputs: Arrays
    rows: int | None
    """None for a signature that cannot share a batch."""
    outputs: frozenset[str]
    call: Call
    arrived: float = field(default_factory=time.monotonic)
    done: Event = field(default_factory=Event)
    answer: Answer | None = None
    error: BaseException | None = None

    @property
    def weight(self) -> int:
        """What it takes of the queue: an empty batch takes a place as well."""
        return max(1, self.rows or 1)

    def layout(self) -> Layout:
        """Calls with the same layout can be put together."""
        return (
            self.signature,
            *((name, a.dtype.str, a.shape[1:]) for name, a in sorted(self.inputs.items())),
        )

    def finish(self, answer: Answer) -> None:
        self.answer = answer
        self.done.set()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.done.set()

    def lost(self, run_seconds: float) -> ModelyardError | None:
        """Why it is not worth running any more, if a run takes that long."""
        has_left, deadline = not self.call.is_active(), self.call.deadline
        # gRPC ends a call at its deadline by its own clock, and then the caller seems to have left.
        spare = _CLOCK_SECONDS if has_left else 0.0
        if deadline is not None and time.monotonic() + run_seconds + spare > deadline:
            return DeadlineExceeded(
                "the deadline passes before the answer can be ready", reason="DEADLINE_IN_QUEUE"
            )
        return Cancelled("the caller has left", reason="CALLER_LEFT") if has_left else None


class Batcher:
    """The queues and the threads of one loaded version."""

    def __init__(
        self, model: str, version: int, runtime: Runtime, limits: Limits, metrics: InferenceMetrics
    ) -> None:
        self._labels = (model, str(version))
        self._runtime = runtime
        self._limits = limits
        self._metrics = metrics
        self._lanes: dict[Layout, deque[Item]] = {}
        """Only lanes with something in them, the longest unserved first."""
        self._waiting_rows: dict[str, int] = {}
        self._fastest: dict[str, float] = {}
        """Seconds of the fastest run by signature: no answer can be ready sooner."""
        self._recent: dict[str, float] = {}
        self._is_closed = False
        self._ready = Condition()
        self._threads = [
            Thread(target=self._work, name=f"batch-{model}-{version}-{index}", daemon=True)
            for index in range(limits.threads)
        ]
        for thread in self._threads:
            thread.start()

    def run(
        self,
        signature: str,
        inputs: Arrays,
        *,
        rows: int | None,
        outputs: Collection[str] = (),
        call: Call,
    ) -> Answer:
        """Waits for the answer to one call; `rows` is None if it must not share a batch."""
        item = Item(signature, inputs, rows, frozenset(outputs), call)
        self._enqueue(item)
        self._await(item)
        if item.error is not None:
            raise item.error
        if item.answer is None:
            raise InternalError("a batch ended without an answer")
        return item.answer

    def close(self) -> None:
        """Ends the threads after what is waiting was answered."""
        with self._ready:
            self._is_closed = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

    # The waiting side ------------------------------------------------------------------------------

    def _enqueue(self, item: Item) -> None:
        with self._ready:
            if self._is_closed:
                raise Unavailable("the version is being unloaded", reason="UNLOADING")
            waiting = self._waiting_rows.get(item.signature, 0)
            if waiting and waiting + item.weight > self._limits.queue_rows:
                raise ResourceExhausted(
                    f"{waiting} examples are waiting for {item.signature} of {self._labels[0]}, "
                    f"and {self._limits.queue_rows} may",
                    reason="QUEUE_FULL",
                    retry_after=self._seconds_until_free(item.signature, waiting),
                )
            self._waiting_rows[item.signature] = waiting + item.weight
            self._lanes.setdefault(item.layout(), deque()).append(item)
            self._ready.notify()

    def _seconds_until_free(self, signature: str, waiting: int) -> float:
        batches = 1 + waiting / self._limits.batch_rows
        return min(5.0, max(0.01, batches * self._recent.get(signature, 0.01)))

    def _await(self, item: Item) -> None:
        """Returns when the item is done; leaves the queue when its caller does."""
        while not item.done.wait(self._patience(item)):
            reason = item.lost(0.0)
            if reason is not None:
                self._withdraw(item)
                if not item.done.is_set():
                    raise reason

    def _patience(self, item: Item) -> float:
        if item.call.deadline is None:
            return _LEAVE_POLL_SECONDS
        left = item.call.deadline - time.monotonic()
        return min(_LEAVE_POLL_SECONDS, max(0.0, left) + 0.001)

    def _withdraw(self, item: Item) -> None:
        with self._ready:
            lane = self._lanes.get(item.layout())
            if lane is None or item not in lane:
                return
            lane.remove(item)
            self._waiting_rows[item.signature] -= item.weight
            if not lane:
                del self._lanes[item.layout()]

    # The working side ------------------------------------------------------------------------------

    def _work(self) -> None:
        while items := self._take():
            live = self._without_the_lost(items)
            if live:
                self._answer(live)

    def _take(self) -> list[Item]:
        """What is waiting in the lane that was not served for the longest; empty at the end."""
        with self._ready:
            while not self._lanes:
                if self._is_closed:
                    return []
                self._ready.wait()
            layout = next(iter(self._lanes))
            lane = self._lanes.pop(layout)
            items = _together(lane, self._limits.batch_rows)
            if lane:
                self._lanes[layout] = lane
                self._ready.notify()
            self._waiting_rows[items[0].signature] -= sum(item.weight for item in items)
            return items

    def _without_the_lost(self, items: list[Item]) -> list[Item]:
        live = []
        for item in items:
            reason = item.lost(self._fastest.get(item.signature, 0.0))
            if reason is None:
                live.append(item)
            else:
                item.fail(reason)
        return live

    def _answer(self, items: list[Item]) -> None:
        started = time.monotonic()
        for item in items:
            self._metrics.queue_seconds.labels(*self._labels, item.signature).observe(
                started - item.arrived
            )
        try:
            self._run_together(items, started)
        # Whatever went wrong belongs to the call that caused it, and must not end this thread.
        except Exception as error:
            if len(items) == 1:
                items[0].fail(error)
            else:
                self._answer_alone(items, error)

    def _answer_alone(self, items: list[Item], error: Exception) -> None:
        log.info("batch_failed", model=self._labels[0], calls=len(items), error=str(error)[:500])
        for item in items:
            try:
                self._run_together([item], time.monotonic())
            except Exception as own:  # the same as above, for each
                item.fail(own)

    def _run_together(self, items: list[Item], started: float) -> None:
        signature = items[0].signature
        rows = None if items[0].rows is None else sum(item.rows or 0 for item in items)
        size = rows if rows is None else self._padded(rows)
        inputs = _merged(items, size)
        outputs = self._runtime.run(signature, inputs, _wanted(items))
        seconds = time.monotonic() - started
        self._observe(signature, rows, size, seconds)
        for item, part in zip(items, _cut(items, outputs, size), strict=True):
            item.finish(Answer(part, started - item.arrived, seconds))

    def _padded(self, rows: int) -> int:
        """The fixed size that a batch of so many examples is filled up to."""
        if rows == 0 or rows >= self._limits.batch_rows:
            return rows
        return min(1 << (rows - 1).bit_length(), self._limits.batch_rows)

    def _observe(self, signature: str, rows: int | None, size: int | None, seconds: float) -> None:
        labels = (*self._labels, signature)
        self._fastest[signature] = min(seconds, self._fastest.get(signature, seconds))
        self._recent[signature] = 0.8 * self._recent.get(signature, seconds) + 0.2 * seconds
        self._metrics.run_seconds.labels(*labels).observe(seconds)
        if rows is not None and size is not None:
            self._metrics.batch_rows.labels(*labels).observe(rows)
            if size > rows:
                self._metrics.padding_rows.labels(*labels).inc(size - rows)


def _together(lane: deque[Item], batch_rows: int) -> list[Item]:
    """Takes from the front of a lane what fits into one batch, and at least one."""
    items = [lane.popleft()]
    if not items[0].rows:  # it cannot share a batch, or has no row to fill one up with
        return items
    rows = items[0].rows
    while lane and lane[0].rows and rows + lane[0].rows <= batch_rows:
        items.append(lane.popleft())
        rows += items[-1].rows or 0
    return items


def _wanted(items: Sequence[Item]) -> frozenset[str]:
    """The outputs that anybody wants; empty is all of them."""
    if any(not item.outputs for item in items):
        return frozenset()
    return frozenset().union(*(item.outputs for item in items))


def _merged(items: Sequence[Item], size: int | None) -> Mapping[str, NDArray[Any]]:
    """One array per input, filled up to `size` examples by repeating the last one."""
    first = items[0]
    if len(items) == 1 and size == first.rows:
        return first.inputs
    return {name: _filled([item.inputs[name] for item in items], size) for name in first.inputs}


def _filled(parts: Sequence[NDArray[Any]], size: int | None) -> NDArray[Any]:
    rows = sum(len(part) for part in parts)
    if size is None or size == rows:
        return np.concatenate(parts)
    merged = np.empty((size, *parts[0].shape[1:]), dtype=parts[0].dtype)
    np.concatenate(parts, out=merged[:rows])
    merged[rows:] = merged[rows - 1]
    return merged


def _cut(
    items: Sequence[Item], outputs: Mapping[str, NDArray[Any]], size: int | None
) -> list[dict[str, NDArray[Any]]]:
    """Every item's rows of the outputs that it wants."""
    if size is None:
        return [_selected(item, outputs) for item in items]
    for name, array in outputs.items():
        if array.ndim == 0 or len(array) != size:
            raise InternalError(
                f"output {name} has shape {list(array.shape)} for a batch of {size} examples",
                reason="OUTPUT_ROWS",
            )
    parts, start = [], 0
    for item in items:
        stop = start + (item.rows or 0)
        parts.append({name: a[start:stop] for name, a in _selected(item, outputs).items()})
        start = stop
    return parts


def _selected(item: Item, outputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: a for name, a in outputs.items() if not item.outputs or name in item.outputs}
