"""The trainer: one process makes one attempt of one job, and ends.

    python -m modelyard.training.trainer ATTEMPT.json

It speaks the protocol of `modelyard.training.attempt` with the worker that started it and dies with it.
"""

import logging
import os
import sys
from pathlib import Path

from modelyard.training.channel import Channel
from modelyard.training.lifeline import StopSignal, die_with_parent


def main() -> None:
    parent = os.getppid()
    stop = StopSignal()
    stop.listen()
    channel = Channel.over_standard_streams()
    die_with_parent(parent)

    # Late: importing it takes most of a second, in which SIGTERM would kill without a word.
    from modelyard import logs
    from modelyard.training.outcome import attempted

    logs.configure()
    _end(attempted(Path(sys.argv[1]), channel, stop))


def _end(code: int) -> None:
    """Without the second that TensorFlow takes to clean up what ends with the process anyway."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
