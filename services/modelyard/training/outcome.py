"""How an attempt ends: from the file that describes it to the exit code that says what became of it."""

import hashlib
import os
from pathlib import Path

import structlog

from modelyard import logs
from modelyard.job import Exit
from modelyard.training.attempt import Attempt
from modelyard.training.channel import Channel, LeaseLost
from modelyard.training.checkpoint import Checkpoints
from modelyard.training.failures import failure_of
from modelyard.training.lifeline import Stopped, StopSignal
from modelyard.training.publish import report_if_published

log = logs.get(__name__)


def attempted(file: Path, channel: Channel, stop: StopSignal) -> int:
    """Answers the exit code; whatever failed has been told to the worker, and is in the log."""
    on_gpu = False
    try:
        attempt = Attempt.model_validate_json(file.read_bytes())
        on_gpu = attempt.device == "gpu"
        structlog.contextvars.bind_contextvars(job_id=attempt.job, fence=attempt.fence)
        checkpoints = _checkpoints(attempt)
        position = checkpoints.position()
        if position and position.is_finished and report_if_published(attempt, channel):
            return Exit.OK
        on_gpu = _with_tensorflow(attempt, checkpoints, channel, stop)
    except Stopped:
        return Exit.AGAIN
    except LeaseLost as refused:
        log.warning("the worker refused", question=str(refused))
        return Exit.AGAIN
    except Exception as error:
        log.exception("failed")
        failure = failure_of(error, on_gpu=on_gpu)
        channel.tell("failed", **failure.event())
        return failure.exit
    return Exit.OK


def _with_tensorflow(
    attempt: Attempt, checkpoints: Checkpoints, channel: Channel, stop: StopSignal
) -> bool:
    """Answers whether it ran on a GPU. TensorFlow comes late: what it is not needed for should not wait."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever a keras.json says
    from modelyard.training.preparation import set_up
    from modelyard.training.run import run

    on_gpu = set_up(attempt, channel)
    run(attempt, checkpoints, channel, stop, on_gpu=on_gpu)
    return on_gpu


def _checkpoints(attempt: Attempt) -> Checkpoints:
    request = attempt.request.model_dump_json(exclude_defaults=True)
    digest = hashlib.sha256(request.encode()).hexdigest()
    return Checkpoints(attempt.work / "checkpoint", request=digest, fence=attempt.fence)
