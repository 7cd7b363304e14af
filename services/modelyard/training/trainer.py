"""The trainer: one process makes one attempt of one job, and ends.

    python -m modelyard.training.trainer ATTEMPT.json

It speaks the protocol of `modelyard.training.attempt` with the worker that started it and dies with it.
TensorFlow is imported late: what it prints must go to the log, and what does not need it should not wait.
"""

import hashlib
import logging
import os
import sys
from pathlib import Path

import structlog

from modelyard import logs
from modelyard.job import Exit
from modelyard.training.attempt import Attempt
from modelyard.training.channel import Channel, LeaseLost
from modelyard.training.checkpoint import Checkpoints
from modelyard.training.failures import failure_of
from modelyard.training.lifeline import Stopped, StopSignal, die_with_parent
from modelyard.training.publish import report_if_published

log = logs.get(__name__)


def main() -> None:
    parent = os.getppid()
    channel = Channel.over_standard_streams()
    die_with_parent(parent)
    stop = StopSignal()
    stop.listen()
    logs.configure()
    _end(_attempted(Path(sys.argv[1]), channel, stop))


def _attempted(file: Path, channel: Channel, stop: StopSignal) -> int:
    """The exit code."""
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
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    from modelyard.training.preparation import set_up
    from modelyard.training.run import run

    on_gpu = set_up(attempt, channel)
    run(attempt, checkpoints, channel, stop, on_gpu=on_gpu)
    return on_gpu


def _checkpoints(attempt: Attempt) -> Checkpoints:
    request = attempt.request.model_dump_json(exclude_defaults=True)
    digest = hashlib.sha256(request.encode()).hexdigest()
    return Checkpoints(attempt.work / "checkpoint", request=digest, fence=attempt.fence)


def _end(code: int) -> None:
    """Without the second that TensorFlow takes to clean up what ends with the process anyway."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
