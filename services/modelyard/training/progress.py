"""How fast an epoch goes, and when to say so."""

import time
from dataclasses import dataclass, field

from modelyard.training.channel import Channel

SECONDS_BETWEEN = 1.0
"""Progress is told this often while steps are short, and after every step if they are long."""


@dataclass
class Pace:
    """The clock of one epoch, or of what is left of it."""

    started_at: float = field(default_factory=time.perf_counter)
    waiting: float = 0.0
    """Seconds spent waiting for data."""
    working: float = 0.0
    examples: int = 0
    steps: int = 0

    def add(self, *, waited: float, worked: float, steps: int, examples: int) -> None:
        self.waiting += waited
        self.working += worked
        self.steps += steps
        self.examples += examples

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started_at

    @property
    def examples_per_second(self) -> float:
        return self.examples / max(self.waiting + self.working, 1e-9)

    @property
    def step_seconds(self) -> float:
        return self.working / self.steps if self.steps else 0.0


class Progress:
    """Tells the worker, now and then, how far an epoch is; only real steps count as signs of life."""

    def __init__(self, channel: Channel, *, epochs: int, steps: int) -> None:
        self._channel = channel
        self._epochs = epochs
        self._steps = steps
        self._told_at = 0.0

    def tell(self, epoch: int, step: int, pace: Pace) -> None:
        """`epoch` is the one under way, counted from 1; `step` those that are done."""
        now = time.perf_counter()
        if now - self._told_at < SECONDS_BETWEEN:
            return
        self._told_at = now
        self._channel.tell(
            "progress",
            epoch=epoch,
            epochs=self._epochs,
            step=step,
            steps=self._steps,
            step_seconds=round(pace.step_seconds, 6),
        )
