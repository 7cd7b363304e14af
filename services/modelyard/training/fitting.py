"""Fits a network, epoch by epoch, such that an attempt that follows goes on exactly where this one ended."""

import time
from typing import Any

import keras
import numpy as np

from modelyard import logs
from modelyard.recipe import EarlyStopping, Training
from modelyard.training import snapshot
from modelyard.training.batches import Batches
from modelyard.training.channel import Channel
from modelyard.training.checkpoint import Checkpoint, Checkpoints, Position
from modelyard.training.failures import NonFinite
from modelyard.training.lifeline import StopSignal
from modelyard.training.plateau import Plateau, lower
from modelyard.training.progress import Pace, Progress
from modelyard.training.steps import training_steps, validation_steps
from modelyard.training.stopping import Stopping

CHECKPOINT_SECONDS = 120.0
"""A long epoch writes checkpoints in its middle, too."""
_GROUP_SECONDS = 0.1
_GROUP_BYTES = 64 * 1024 * 1024
_GROUP_MOST = 64
_TIMED_GROUPS = 4
"""Calls of one step each, by which the size of a group is chosen; the first one compiles."""

log = logs.get(__name__)


class Fitting:
    """Fits a compiled, built network."""

    def __init__(
        self,
        model: keras.Model,
        training: Training,
        train: Batches,
        validation: Batches | None,
        checkpoints: Checkpoints,
        channel: Channel,
        stop: StopSignal,
    ) -> None:
        self._model = model
        self._training = training
        self._train = train
        self._validation = validation
        self._checkpoints = checkpoints
        self._channel = channel
        self._stop = stop
        self._progress = Progress(channel, epochs=training.epochs, steps=train.steps)
        self._train_steps = training_steps(model, train)
        self._test_steps = validation_steps(model, validation) if validation else None
        self._best: snapshot.Arrays = {}
        self._last_saved: Position | None = None
        self._saved_at = time.monotonic()
        self._group = 1
        self._group_seconds: list[float] = []
        self._feed: Any = None

    def run(self) -> Position:
        """Leaves the best weights in the network if training stops early, else the last ones.

        Raises NonFinite, Stopped after a checkpoint, and LeaseLost.
        """
        position = self._resume()
        while not position.is_finished:
            position = self._epoch(position)
        if self._training.early_stopping and self._best:
            snapshot.restore_best(self._model, self._best)
        self._feed = None
        return position

    def _resume(self) -> Position:
        checkpoint, unusable = self._checkpoints.latest()
        try:
            if checkpoint is not None:
                snapshot.restore(self._model, checkpoint.arrays)
        except ValueError as error:
            unusable.append(f"the checkpoint is not used: {error}")
            checkpoint = None
        for message in unusable:
            self._channel.tell("warning", message=message)
        if checkpoint is None:
            return Position()
        self._best = {
            name: array
            for name, array in checkpoint.arrays.items()
            if name.startswith(f"{snapshot.BEST}/")
        }
        self._last_saved = checkpoint.position
        log.info("resumed", epoch=checkpoint.position.epoch, step=checkpoint.position.step)
        return checkpoint.position

    def _epoch(self, position: Position) -> Position:
        """One epoch, or what is left of it."""
        pace = Pace()
        if position.step == 0:
            self._model.reset_metrics()
        while position.step < self._train.steps:
            position = self._steps(position, pace)
            self._progress.tell(position.epoch + 1, position.step, pace)
            if self._stop.is_set or time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                self._save(position)
                self._stop.check()
        logged = _floats(self._model.get_metrics_result())
        logged |= self._validated(position)
        return self._completed(position, logged, pace)

    def _steps(self, position: Position, pace: Pace) -> Position:
        """A few steps in one call."""
        before = time.perf_counter()
        arrays = next(self._ready_feed(position))
        fed = time.perf_counter()
        done, logs = self._train_steps(*arrays)
        steps, loss = int(done), float(logs["loss"])  # waits for the device
        worked = time.perf_counter() - fed
        pace.add(waited=fed - before, worked=worked, steps=steps, examples=int(arrays[0].shape[0]))
        position = position.model_copy(update={"step": position.step + steps})
        if not np.isfinite(loss):
            raise self._non_finite(f"the loss is {loss}", position)
        self._choose_group(worked)
        return position

    def _ready_feed(self, position: Position) -> Any:
        if self._feed is None:
            self._feed = self._train.groups(
                position.epoch, position.step, self._group, self._training.epochs
            )
        return self._feed

    def _choose_group(self, seconds: float) -> None:
        """After a few single steps: as many in one call as take about a tenth of a second."""
        if len(self._group_seconds) >= _TIMED_GROUPS:
            return
        self._group_seconds.append(seconds)
        if len(self._group_seconds) == _TIMED_GROUPS:
            self._group = _group_size(min(self._group_seconds), self._train)
            self._feed = None  # made anew from the position that comes next

    def _validated(self, position: Position) -> dict[str, float]:
        if self._validation is None or self._test_steps is None:
            return {}
        self._model.reset_metrics()
        logs: dict[str, Any] = {}
        for arrays in self._validation.chunks(self._group):
            _, logs = self._test_steps(*arrays)
        validated = {f"val_{name}": value for name, value in _floats(logs).items()}
        if not np.isfinite(validated["val_loss"]):
            raise self._non_finite(f"the validation loss is {validated['val_loss']}", position)
        return validated

    def _completed(self, position: Position, logged: dict[str, float], pace: Pace) -> Position:
        weight = snapshot.non_finite(self._model)
        if weight is not None:
            raise self._non_finite(f"the weight {weight} is not finite", position)
        epoch = position.epoch + 1
        stopping = self._judged(position.stopping, epoch, logged)
        position = Position(
            epoch=epoch,
            is_finished=epoch == self._training.epochs or self._is_over(stopping),
            stopping=stopping,
            plateau=self._paced(position.plateau, logged),
            history=(*position.history, logged),
        )
        self._tell(position, pace)
        self._save(position)
        if not position.is_finished:
            self._stop.check()
        return position

    def _judged(self, stopping: Stopping, epoch: int, logged: dict[str, float]) -> Stopping:
        rule = self._training.early_stopping
        if rule is None:
            return stopping
        judged = stopping.after(rule, epoch, logged[rule.monitor])
        if judged.best_epoch == epoch:
            self._best = snapshot.take_best(self._model)
        return judged

    def _paced(self, plateau: Plateau, logged: dict[str, float]) -> Plateau:
        """Lowers the learning rate, which is part of every checkpoint, where nothing got better."""
        rule = self._training.plateau
        if rule is None:
            return plateau
        judged = plateau.after(rule, logged[rule.monitor])
        if judged.fell:
            optimizer = self._model.optimizer
            optimizer.learning_rate = lower(rule, float(optimizer.learning_rate))
            log.info("the learning rate falls", to=float(optimizer.learning_rate))
        return judged

    def _is_over(self, stopping: Stopping) -> bool:
        rule: EarlyStopping | None = self._training.early_stopping
        return rule is not None and stopping.is_over(rule)

    def _tell(self, position: Position, pace: Pace) -> None:
        self._channel.tell(
            "epoch",
            epoch=position.epoch,
            epochs=self._training.epochs,
            seconds=round(pace.seconds, 4),
            examples_per_second=round(pace.examples_per_second, 2),
            wait_seconds=round(pace.waiting, 4),
            logs=position.history[-1],
        )

    def _save(self, position: Position) -> None:
        if position != self._last_saved:
            checkpoint = Checkpoint(position, snapshot.take(self._model) | self._best)
            self._checkpoints.save(checkpoint, ask_lease=lambda: self._channel.ask("lease"))
            self._last_saved = position
        self._saved_at = time.monotonic()
        self._channel.tell("checkpoint", epoch=position.epoch)

    def _non_finite(self, what: str, position: Position) -> NonFinite:
        saved = self._last_saved
        last = f"the last good checkpoint is of epoch {saved.epoch}" if saved else "no checkpoint"
        return NonFinite(
            f"{what} at step {position.step} of epoch {position.epoch + 1}; {last}. A smaller "
            "training.optimizer.learning_rate or a clip_norm usually helps"
        )


def _group_size(step_seconds: float, batches: Batches) -> int:
    wanted = min(
        _GROUP_SECONDS / max(step_seconds, 1e-6), _GROUP_BYTES / max(batches.batch_bytes, 1)
    )
    return max(1, min(_GROUP_MOST, batches.steps, int(wanted)))


def _floats(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}
