"""What was promised, on files: enough to rebuild the job records after the store was lost.

    <root>/<job>/job.json        the request as accepted, written before the client is answered
    <root>/<job>/events.jsonl    claims, the version number, cancel, the end; one durable line each

Any number of processes may write; a line is one append.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.errors import AlreadyExists
from modelyard.storage import fsync_dir, write_json


@dataclass(frozen=True)
class Entry:
    """One job as the journal knows it."""

    id: str
    accepted: dict[str, Any]
    fence: int
    version: int | None
    cancel_requested: bool
    end: dict[str, Any] | None
    """state, reason, message, violations, metrics, baseline; None while the job is open."""


class Journal:
    def __init__(self, root: Path) -> None:
        self.root = root

    def accept(self, job: str, accepted: dict[str, Any]) -> None:
        """Raises AlreadyExists if the job is there with another digest; the same one is accepted again."""
        folder = self.root / job
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "job.json"
        if file.is_file():
            if json.loads(file.read_bytes())["digest"] != accepted["digest"]:
                raise AlreadyExists(
                    "this idempotency key was used for another request",
                    reason="IDEMPOTENCY_KEY_REUSED",
                )
            return
        write_json(file, accepted)
        fsync_dir(self.root)

    def append(self, job: str, event: str, **fields: Any) -> None:
        folder = self.root / job
        folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"event": event, **fields}).encode() + b"\n"
        handle = os.open(folder / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)

    def ids(self) -> Iterator[str]:
        if self.root.is_dir():
            for entry in os.scandir(self.root):
                if entry.is_dir():
                    yield entry.name

    def read(self, job: str) -> Entry | None:
        """None if the job was never accepted: only a folder was made."""
        file = self.root / job / "job.json"
        if not file.is_file():
            return None
        fence, version, cancelled, end = 0, None, False, None
        for event in self._events(job):
            match event["event"]:
                case "claimed":
                    fence = max(fence, event["fence"])
                case "version":
                    version = event["version"]
                case "cancel":
                    cancelled = True
                case "end":
                    end = event
        return Entry(job, json.loads(file.read_bytes()), fence, version, cancelled, end)

    def _events(self, job: str) -> Iterator[dict[str, Any]]:
        file = self.root / job / "events.jsonl"
        if not file.is_file():
            return
        for line in file.read_bytes().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # a line that was cut off by a crash was never relied upon
