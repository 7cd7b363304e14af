"""The trainer's end of the line to its worker: events out, questions out and answers in.

The line is the process's standard output and input; see `attempt`. Both are taken away before any library
can print to the one or read from the other.
"""

import json
import os
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, BinaryIO

from modelyard.training.lifeline import GONE


class LeaseLost(Exception):
    """Another attempt may be running: nothing more may be written."""


class Channel:
    """Ends the process when the worker is gone, whatever the process is doing."""

    def __init__(self, output: BinaryIO, answers: BinaryIO) -> None:
        self._output = output
        self._writing = Lock()
        self._answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        Thread(target=self._listen, args=(answers,), name="worker", daemon=True).start()

    @classmethod
    def over_standard_streams(cls) -> "Channel":
        """From here on, what prints to standard output comes out on standard error, in the log."""
        output, answers = os.dup(1), os.dup(0)
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        return cls(os.fdopen(output, "wb", buffering=0), os.fdopen(answers, "rb"))

    def tell(self, event: str, **data: Any) -> None:
        self._send({"event": event, **data})

    def ask(self, question: str, **data: Any) -> dict[str, Any]:
        """The answer, once it is granted. Raises LeaseLost if it is not."""
        self._send({"ask": question, **data})
        answer = self._answers.get()
        if not answer.get("granted"):
            raise LeaseLost(question)
        return answer

    def _send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, allow_nan=False).encode() + b"\n"
        with self._writing:
            try:
                self._write(line)
            except BrokenPipeError:
                os._exit(GONE)

    def _write(self, line: bytes) -> None:
        """A raw pipe may take less than it is given."""
        rest = memoryview(line)
        while rest:
            rest = rest[self._output.write(rest) or 0 :]

    def _listen(self, answers: BinaryIO) -> None:
        for line in answers:
            self._answers.put(json.loads(line))
        # The worker is gone, and with it the lease: not even a checkpoint may be written any more.
        os._exit(GONE)
