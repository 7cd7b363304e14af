"""The steps of an attempt, from the request to a published version."""

import keras
import tensorflow as tf

from modelyard.recipe import Training
from modelyard.tasks import Evaluation
from modelyard.training.attempt import Attempt
from modelyard.training.calibration import calibrated
from modelyard.training.channel import Channel
from modelyard.training.checkpoint import Checkpoints
from modelyard.training.fitting import Fitting
from modelyard.training.lifeline import StopSignal
from modelyard.training.preparation import Prepared, prepare
from modelyard.training.publish import Trained, finite, publish
from modelyard.training.verifier import Verifier


def run(
    attempt: Attempt, checkpoints: Checkpoints, channel: Channel, stop: StopSignal, *, on_gpu: bool
) -> None:
    """Raises what `failures` knows, Stopped, and LeaseLost."""
    channel.tell("state", state="VALIDATING")
    prepared = prepare(attempt, stop)
    stop.check()
    channel.tell("state", state="RUNNING")
    _fit(attempt, prepared, checkpoints, channel, stop)
    verifier = Verifier()
    try:
        trained = _judged(attempt.request.training, prepared, channel, on_gpu=on_gpu)
        stop.check()
        publish(attempt, trained, verifier, channel, stop)
    finally:
        verifier.end()


def _fit(
    attempt: Attempt,
    prepared: Prepared,
    checkpoints: Checkpoints,
    channel: Channel,
    stop: StopSignal,
) -> None:
    Fitting(
        prepared.fitted,
        attempt.request.training,
        prepared.train,
        prepared.validation,
        checkpoints,
        channel,
        stop,
    ).run()


def _judged(training: Training, prepared: Prepared, channel: Channel, *, on_gpu: bool) -> Trained:
    """Calibrates on the validation part, and evaluates on the test part."""
    if on_gpu:
        # Its 10 bits of mantissa are for training; the version is compared with a CPU's answers.
        tf.config.experimental.enable_tensor_float_32_execution(False)
    model, evaluation = _evaluated(training, prepared)
    channel.tell("result", metrics=finite(evaluation.metrics), baseline=finite(evaluation.baseline))
    return Trained(model, prepared.learning, evaluation, prepared.dataset, on_gpu)


def _evaluated(training: Training, prepared: Prepared) -> tuple[keras.Model, Evaluation]:
    """What is published, and its figures; with the calibration error that it had before."""
    learning = prepared.learning
    before = learning.evaluate(prepared.model)
    if not training.calibrate:
        return prepared.model, before
    model, temperature = calibrated(prepared.model, learning)
    if temperature is None:
        return model, before
    after = learning.evaluate(model)
    metrics = {
        **after.metrics,
        "calibration_error_before": before.metrics["calibration_error"],
        "temperature": temperature,
    }
    return model, Evaluation(metrics, after.baseline)
