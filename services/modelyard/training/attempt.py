"""One try of a job, and the line protocol between a worker and the trainer process that makes it.

The worker starts `python -m modelyard.training.trainer ATTEMPT.json`. The trainer writes one JSON object
a line to its standard output (whatever else prints there is sent to the log), and reads answers from its
standard input. It never sees Redis. End of file on its input means that the worker is gone.

    trainer → worker                                     worker → trainer
    {"event": "state", "state": "VALIDATING" | "RUNNING"}
    {"event": "progress", "epoch", "epochs", "step", "steps", "step_seconds"}   at least every few seconds
    {"event": "epoch", "epoch", "epochs", "seconds", "examples_per_second",
        "wait_seconds", "logs": {"loss", "val_loss", …}}
    {"event": "checkpoint", "epoch"}                      after the rename: progress that a retry starts from
    {"event": "warning", "message"}
    {"event": "result", "metrics", "baseline"}
    {"event": "failed", "reason", "message", "violations": [{"field", "message", "expected", "received"}]}
    {"event": "published", "model", "version"}
    {"ask": "lease"}                                      {"granted": bool}
    {"ask": "version", "model"}                           {"granted": bool, "version": int}
    {"ask": "publish"}                                    {"granted": bool}   the point of no return

The trainer asks for the lease before it renames a checkpoint, and to publish right before it renames a
version. It exits with a code of `Exit`; SIGTERM makes it write a checkpoint and exit AGAIN.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from modelyard.job import JobRequest


class Attempt(BaseModel):
    """All that a trainer is told."""

    model_config = ConfigDict(frozen=True)

    job: str
    fence: int
    request: JobRequest
    models: Path
    datasets: Path
    work: Path
    """The job's own folder, the same for every attempt: `checkpoint/` and the attempts' logs."""
    device: str = "cpu"
    """`cpu` or `gpu`; which GPU is set by CUDA_VISIBLE_DEVICES."""
    keep_golden: bool = True


Event = dict[str, Any]
