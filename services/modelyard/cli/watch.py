"""A job as it goes, on stderr: one live line at a terminal, plain lines anywhere else."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelyard.cli import exits
from modelyard.cli.output import bar, console, is_terminal, mark, number, printable, program, say

if TYPE_CHECKING:
    from rich.status import Status

    from modelyard.client import Client, Event, Job


def follow(
    client: "Client", id: str, *, quiet: bool = False, epoch_lines: int | None = None
) -> "Job":
    """Shows all that happens to a job until it ends, and answers what became of it.

    `epoch_lines` is about how many epochs get a line where lines cannot change; all if None.
    """
    view = _Quiet() if quiet else _Live() if is_terminal() else _Plain(epoch_lines)
    try:
        for event in client.jobs.events(id):
            view.show(event)
    finally:
        view.close()
    job = client.jobs.get(id)
    if not (quiet and job.succeeded):
        _tell_end(job)
    return job


def detach_note(id: str) -> int:
    """What Ctrl-C while watching means, and its exit code."""
    say(f"\nstopped watching; job {id} goes on")
    say(f"  {program()} jobs watch {id}")
    say(f"  {program()} jobs cancel {id}")
    return exits.INTERRUPTED


class _Quiet:
    def show(self, event: "Event") -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class _Plain(_Quiet):
    """One line for each thing that is worth one."""

    epoch_lines: int | None = None
    _held_back: Mapping[str, Any] | None = None
    """The last epoch if it got no line; it gets one after all if training ends with it."""

    def show(self, event: "Event") -> None:
        if event.kind == "epoch":
            if not self._is_worth_a_line(event.data):
                self._held_back = event.data
                return
            self._held_back = None
        elif event.kind == "result" and self._held_back is not None:
            say(_tell_epoch(self._held_back))
        told = _TOLD.get(event.kind)
        line = told(event.data) if told else None
        if line:
            say(line)

    def _is_worth_a_line(self, data: Mapping[str, Any]) -> bool:
        epoch, epochs = int(data.get("epoch") or 0), int(data.get("epochs") or 0)
        if self.epoch_lines is None or epoch in (1, epochs):
            return True
        return epoch % math.ceil(epochs / self.epoch_lines) == 0


@dataclass
class _Live(_Quiet):
    """What runs now, in a line that changes; what is over stands above it."""

    _status: "Status | None" = None
    _now: str = "waiting"

    def show(self, event: "Event") -> None:
        if event.kind == "epoch":
            self._now = _epoch_bar(event.data)
        elif event.kind == "state":
            self._now = str(event.data.get("state", "")).lower()
        elif told := _TOLD.get(event.kind):
            self._pause()
            say(told(event.data) or "")
        self._line()

    def close(self) -> None:
        self._pause()

    def _line(self) -> None:
        # Late: only a terminal needs rich.
        from rich.text import Text

        if self._status is None:
            self._status = console().status(Text(self._now))
            self._status.start()
        else:
            self._status.update(Text(self._now))

    def _pause(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def _tell_state(data: Mapping[str, Any]) -> str | None:
    state = str(data.get("state", ""))
    if state in ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"):
        return None  # the end says it better
    reason = f"  {data['reason']}" if data.get("reason") else ""
    return f"{mark('busy')} {state.lower()}{reason}"


def _tell_epoch(data: Mapping[str, Any]) -> str:
    logs = " ".join(f"{name}={number(value)}" for name, value in _logs(data).items())
    seconds = f" {float(data['seconds']):.1f}s" if "seconds" in data else ""
    return f"  epoch {data.get('epoch')}/{data.get('epochs')} {logs}{seconds}"


def _tell_warning(data: Mapping[str, Any]) -> str:
    return f"{mark('warn')} {printable(str(data.get('message', '')))}"


def _tell_result(data: Mapping[str, Any]) -> str:
    return (
        f"{mark('ok')} evaluated    {beside(data.get('metrics') or {}, data.get('baseline') or {})}"
    )


def _tell_published(data: Mapping[str, Any]) -> str:
    return f"{mark('ok')} published    {data.get('model')} version {data.get('version')}"


_TOLD: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    "state": _tell_state,
    "epoch": _tell_epoch,
    "warning": _tell_warning,
    "result": _tell_result,
    "published": _tell_published,
}


def beside(metrics: Mapping[str, float], baseline: Mapping[str, float]) -> str:
    """Figures beside those of the answer that needs no network."""
    return " · ".join(
        f"{name} {number(value)}"
        + (f" (baseline {number(baseline[name])})" if name in baseline else "")
        for name, value in metrics.items()
    )


def _logs(data: Mapping[str, Any]) -> Mapping[str, float]:
    """Training before validation, loss before metrics."""
    logs: Mapping[str, float] = data.get("logs") or {}
    return {name: logs[name] for name in sorted(logs, key=_rank)}


def _rank(name: str) -> tuple[bool, bool, str]:
    return name.startswith("val_"), "loss" not in name, name


def _epoch_bar(data: Mapping[str, Any]) -> str:
    epoch, epochs = int(data.get("epoch") or 0), int(data.get("epochs") or 0)
    filled = bar(epoch / epochs if epochs else 0.0, 24)
    logs = " ".join(f"{name} {number(value)}" for name, value in _logs(data).items())
    return f"training {epoch}/{epochs} {filled} {logs}".rstrip()


def _tell_end(job: "Job") -> None:
    if job.terminal and not job.succeeded:
        kind = "warn" if job.state == "CANCELLED" else "bad"
        reason = f" {job.reason}" if job.reason else ""
        message = printable(job.message) or "no message"
        say(f"{mark(kind)} job {job.id} {job.state.lower()}{reason}: {message}")
        for violation in job.violations:
            say(f"    {printable(str(violation))}")
