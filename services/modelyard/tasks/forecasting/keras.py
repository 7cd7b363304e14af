"""How a series is learned: what a network adds to a seasonal forecast with drift, in the exported graph.

With y on a logarithmic scale if the training values are positive and grew much, s the season, and k the
number of seasons that step h is ahead:

    the network sees     (y[t] - y[last]) / spread      for each step of the window
    and answers          (y[last + h] - y[last + h - k·s] - k·drift) / error      for h = 1 … horizon
    where                drift = constant + slope · (mean of the last season - mean of the one before)

constant and slope are least squares over the training part. A network that answers zeros repeats the last
season and its growth, and a level that was never seen before is no surprise to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.errors import BadData, InvalidRequest
from modelyard.examples import Examples
from modelyard.recipe import Split
from modelyard.spec import Features, Head
from modelyard.tasks import splitting
from modelyard.tasks.forecasting.rows import seasonal_naive
from modelyard.tasks.keras import BATCH, Signature, Tensors, export
from modelyard.tasks.learning import Evaluation, Part

if TYPE_CHECKING:
    from modelyard.tasks.forecasting.task import Forecasting

Values = NDArray[np.float64]
Network = Callable[..., tf.Tensor]
Answer = Callable[[tf.Tensor], dict[str, tf.Tensor]]
_GROWTH = 3.0
"""A positive series whose largest value is so many times its smallest is learned on a logarithmic scale."""
_LEAST = 1e-9
"""What differs by less is constant."""
_LARGEST_LOG = 80.0
"""exp of more does not fit into float32."""


@dataclass(frozen=True)
class Scaling:
    """What is known of the training rows; all that the graph needs beside the weights."""

    logarithmic: bool
    floor: float
    """Logarithmic: what smaller values, which have no logarithm, count as."""
    constant: float
    slope: float
    """How a season's mean change follows that of the season before it."""
    spread: float
    error: float
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    """Of the covariates."""


@dataclass(frozen=True)
class ForecastLearning:
    task: "Forecasting"
    series: Values = field(repr=False)
    """(rows, 1 + covariates), the target first."""
    validation: int
    """The first row of the validation part; the training part ends before it."""
    test: int
    scaling: Scaling

    @classmethod
    def of(
        cls, task: "Forecasting", examples: Examples, split: Split, seed: int
    ) -> "ForecastLearning":
        if split.split not in ("auto", "time"):
            raise InvalidRequest.of(
                "training.validation.split",
                "would let the network see the future of what it forecasts",
                expected="auto or time",
                received=split.split,
            )
        names = (task.target, *task.covariates)
        series = np.stack([examples.columns[name].astype(np.float64) for name in names], axis=1)
        validation, test = splitting.sizes(split, len(series), least=task.horizon)
        train = len(series) - validation - test
        _check_length(task, train, examples)
        return cls(task, series, train, train + validation, _fit(task, series[:train]))

    @property
    def features(self) -> Features:
        return Features("series", (self.task.steps, self.task.channels))

    @property
    def head(self) -> Head:
        return self.task.answer()

    @property
    def classes(self) -> None:
        return None

    @property
    def serving(self) -> Mapping[str, Any]:
        task = self.task
        return {
            "window": task.steps,
            "horizon": task.horizon,
            "season": task.season,
            "target": task.target,
            "covariates": list(task.covariates),
            "quantiles": list(task.quantiles),
        }

    @property
    def statistics(self) -> Mapping[str, Any]:
        target = self.series[: self.validation, 0]
        return {
            "examples": {
                part: len(self._origins(part)) for part in ("train", "validation", "test")
            },
            "rows": {
                "train": self.validation,
                "validation": self.test - self.validation,
                "test": len(self.series) - self.test,
            },
            "target": {
                "mean": float(target.mean()),
                "std": float(target.std()),
                "min": float(target.min()),
                "max": float(target.max()),
            },
            "logarithmic": self.scaling.logarithmic,
        }

    def arrays(self, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        origins = self._origins(part)
        seen, targets = [], []
        for start in range(0, len(origins), BATCH):
            history, future = self._windows(origins[start : start + BATCH])
            seen.append(self._prepare(history).numpy())
            targets.append(self._targets(history, future).numpy())
        return np.concatenate(seen), np.concatenate(targets)

    def weights(self, part: Part) -> None:
        return None

    def augmentation(self) -> list[keras.Layer]:
        return []

    def metrics(self) -> list[keras.Metric | str]:
        return [] if self.task.quantiles else ["mae"]

    def export(self, model: keras.Model, path: Path) -> None:
        export(model, path, self._signatures)

    def golden(self, rows: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        history, _ = self._windows(self._origins("test")[:rows])
        return {"serving_default": {"history": history.numpy()}}

    def answer(
        self, model: keras.Model, signature: str, inputs: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any]]:
        return self._signatures[signature].answer(model, inputs)

    def evaluate(self, model: keras.Model) -> Evaluation:
        """Over every origin whose whole horizon lies in the test part.

        The baseline is the last season; `drift_…` is what the graph answers if the network answers zeros, so
        that one sees what the network adds.
        """
        origins = self._origins("test")
        truth = self.series[origins[:, np.newaxis] + np.arange(self.task.horizon), 0]
        naive = seasonal_naive(self.series[:, 0], origins, self.task.horizon, self._season)
        drift = self._figures(self._forecasts(self._drift, origins)["forecast"], truth)
        found = self._forecasts(partial(self._answers, model), origins)
        return Evaluation(
            metrics=self._figures(found["forecast"], truth) | self._interval_figures(found, truth),
            baseline=self._figures(naive, truth)
            | {f"drift_{name}": value for name, value in drift.items()},
        )

    @property
    def _season(self) -> int:
        return self.task.lag

    def _origins(self, part: str) -> NDArray[np.int64]:
        """The first rows of all horizons that lie in the part; histories may begin before it."""
        begin, end = {
            "train": (self.task.steps, self.validation),
            "validation": (self.validation, self.test),
            "test": (self.test, len(self.series)),
        }[part]
        return np.arange(begin, end - self.task.horizon + 1)

    def _windows(self, origins: NDArray[np.int64]) -> tuple[tf.Tensor, tf.Tensor]:
        """Histories (n, window, 1 + covariates) and the targets (n, horizon) that follow."""
        column = origins[:, np.newaxis]
        history = self.series[column + np.arange(-self.task.steps, 0)]
        future = self.series[column + np.arange(self.task.horizon), 0]
        return tf.constant(history, tf.float32), tf.constant(future, tf.float32)

    def _forecasts(self, answer: Answer, origins: NDArray[np.int64]) -> dict[str, Values]:
        batches = (origins[i : i + BATCH] for i in range(0, len(origins), BATCH))
        answers = [answer(self._windows(batch)[0]) for batch in batches]
        return {
            name: np.concatenate([one[name].numpy() for one in answers]).astype(np.float64)
            for name in answers[0]
        }

    def _drift(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        """The forecast of a network that answers zeros."""
        return {"forecast": self._unscaled(self._drifting(history))}

    def _interval_figures(self, found: dict[str, Values], truth: Values) -> dict[str, float]:
        """The pinball loss, and how many values lie between the lowest and the highest quantile."""
        levels = np.array(self.task.quantiles)
        if not len(levels):
            return {}
        error = truth[..., np.newaxis] - found["quantiles"]
        lowest, highest = found["quantiles"][..., 0], found["quantiles"][..., -1]
        return {
            "pinball": float(np.maximum(levels * error, (levels - 1) * error).mean()),
            "coverage": float(((lowest <= truth) & (truth <= highest)).mean()),
            "coverage_wanted": float(levels[-1] - levels[0]),
        }

    def _figures(self, forecast: Values, truth: Values) -> dict[str, float]:
        error = np.abs(forecast - truth)
        both = np.abs(forecast) + np.abs(truth)
        known = self.series[: self.test, 0]
        step = np.abs(known[self._season :] - known[: -self._season]).mean()
        figures = {
            "mae": error.mean(),
            "rmse": np.sqrt((error**2).mean()),
            "smape": np.where(both > 0, 2 * error / np.maximum(both, 1e-30), 0).mean(),
        }
        if step > 0:  # a series that only repeats itself has no scale
            figures["mase"] = error.mean() / step
        return {name: float(value) for name, value in figures.items()}

    @cached_property
    def _signatures(self) -> dict[str, Signature]:
        spec = tf.TensorSpec((None, None, self.series.shape[1]), tf.float32, "history")
        return {"serving_default": Signature({"history": spec}, self._serve)}

    def _serve(self, model: Network, inputs: Tensors) -> dict[str, tf.Tensor]:
        return self._answers(model, self._last_window(inputs["history"]))

    def _answers(self, model: Network, history: tf.Tensor) -> dict[str, tf.Tensor]:
        """The forecast (n, horizon), and its quantiles (n, horizon, quantiles) if there are any.

        Quantiles survive every map that grows, so that those of the learned scale are those of the values.
        """
        answer = tf.cast(model(self._prepare(history), training=False), tf.float32)
        drift, levels = self._drifting(history), self.task.quantiles
        if not levels:
            return {"forecast": self._unscaled(drift + answer * self.scaling.error)}
        # In order: nothing keeps a network from answering a higher quantile with less.
        each = tf.sort(tf.reshape(answer, (-1, self.task.horizon, len(levels))), axis=-1)
        values = self._unscaled(drift[..., tf.newaxis] + each * self.scaling.error)
        return {"forecast": values[..., levels.index(0.5)], "quantiles": values}

    def _last_window(self, history: tf.Tensor) -> tf.Tensor:
        steps = self.task.steps
        enough = tf.debugging.assert_greater_equal(
            tf.shape(history)[1], steps, f"history is shorter than the window of {steps} steps"
        )
        # In memory the assertion has been made already and there is nothing to wait for.
        with tf.control_dependencies([] if enough is None else [enough]):
            window = tf.identity(history)[:, -steps:, :]
        return tf.debugging.check_numerics(window, "history holds values that are no numbers")

    def _prepare(self, history: tf.Tensor) -> tf.Tensor:
        """Raw windows to what the network sees."""
        target = self._level(history[..., :1])
        seen = (target - target[:, -1:]) / self.scaling.spread
        if not self.task.covariates:
            return seen
        covariates = (history[..., 1:] - self.scaling.means) / self.scaling.deviations
        return tf.concat([seen, covariates], axis=-1)

    def _targets(self, history: tf.Tensor, future: tf.Tensor) -> tf.Tensor:
        return (self._level(future) - self._drifting(history)) / self.scaling.error

    def _drifting(self, history: tf.Tensor) -> tf.Tensor:
        """The last season of the window and its growth, over the horizon, on the scale of learning."""
        season, steps = self._season, np.arange(self.task.horizon)
        level = self._level(history[..., 0])
        last = level[:, -season:]
        drift = tf.fill(tf.shape(last[:, :1]), self.scaling.constant)
        if self.scaling.slope:
            before = level[:, -2 * season : -season]
            drift += self.scaling.slope * tf.reduce_mean(last - before, axis=1, keepdims=True)
        seasons_ahead = (steps // season + 1).astype(np.float32)
        return tf.gather(last, steps % season, axis=1) + drift * seasons_ahead

    def _level(self, values: tf.Tensor) -> tf.Tensor:
        if not self.scaling.logarithmic:
            return values
        return tf.math.log(tf.maximum(values, self.scaling.floor))

    def _unscaled(self, level: tf.Tensor) -> tf.Tensor:
        if not self.scaling.logarithmic:
            return level
        return tf.exp(tf.minimum(level, _LARGEST_LOG))


def _fit(task: "Forecasting", train: Values) -> Scaling:
    target = train[:, 0]
    lowest = float(target.min())
    logarithmic = lowest > 0 and float(target.max()) > _GROWTH * lowest
    level = np.log(target) if logarithmic else target
    constant, slope = _drift(level, task.lag, task.steps)
    covariates = train[:, 1:]
    return Scaling(
        logarithmic=logarithmic,
        floor=lowest / 1000 if logarithmic else 0.0,
        constant=constant,
        slope=slope,
        spread=_scale(_window_differences(level, task.steps)),
        error=_scale(level[task.lag :] - level[: -task.lag] - constant),
        means=tuple(covariates.mean(axis=0).tolist()),
        deviations=tuple(_scale(column - column.mean()) for column in covariates.T),
    )


def _drift(level: Values, season: int, steps: int) -> tuple[float, float]:
    """Constant and slope of the change of a season's mean over that of the season before it.

    There is no slope without a season, where one step tells nothing of the next, nor where the window or the
    training part are too short to show it.
    """
    change = level[season:] - level[:-season]
    mean_change = np.convolve(change, np.ones(season) / season, mode="valid")
    before, after = mean_change[:-season], mean_change[season:]
    if season == 1 or steps < 2 * season or len(before) < season or np.ptp(before) < _LEAST:
        return float(change.mean()), 0.0
    slope = float(np.clip(np.polyfit(before, after, 1)[0], 0.0, 1.0))
    return float(after.mean() - slope * before.mean()), slope


def _window_differences(level: Values, steps: int) -> Values:
    windows = np.lib.stride_tricks.sliding_window_view(level, steps)
    return windows - windows[:, -1:]


def _scale(differences: Values) -> float:
    """The root mean square; 1 for what never differs."""
    scale = float(np.sqrt((differences**2).mean()))
    return scale if scale > _LEAST else 1.0


def _check_length(task: "Forecasting", train: int, examples: Examples) -> None:
    least = task.steps + task.horizon
    if train < least:
        raise BadData.of(
            examples.source,
            "the rows that are left to train on are fewer than one window and horizon",
            expected=f"at least {least}",
            received=str(train),
        )
