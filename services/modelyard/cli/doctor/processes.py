"""Who holds the ports that we want, and what an earlier stack has left behind."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.cli.doctor.finding import Finding, Severity
from modelyard.cli.process import is_free
from modelyard.cli.stack import Stack

if TYPE_CHECKING:
    import psutil

PORTS = {"the jobs API": 7070, "inference": 50051, "the queue": 16379}
_OURS = ("modelyard.jobs", "modelyard.training", "modelyard.inference", "valkey-server")


def findings(home: Path, running: Stack | None) -> Iterator[Finding]:
    # Late: psutil comes with the extra `local`, as `up` does.
    try:
        import psutil  # noqa: F401 - only whether it is there
    except ImportError:
        yield Finding("ports", Severity.NOTE, "processes cannot be looked at without psutil")
        return
    if running is None:
        yield from port_findings(PORTS)
    yield from orphan_findings(home, running)


def port_findings(ports: dict[str, int]) -> Iterator[Finding]:
    """`up` takes the next free port by itself; this tells who is in the way."""
    taken = {what: port for what, port in ports.items() if not is_free(port)}
    for what, port in taken.items():
        yield Finding(
            "ports",
            Severity.WARN,
            f"port {port}, for {what}, is held by {owner(port)}",
            "`up` takes the next free port; or end that process",
        )
    if not taken:
        yield Finding("ports", Severity.OK, f"{', '.join(map(str, ports.values()))} are free")


def owner(port: int) -> str:
    """The process that listens there: its id and its command."""
    try:
        import psutil  # late: as above
    except ImportError:
        return "another process"
    try:
        listening = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # of a system that hides the connections of others
        return "a process that this user may not see"
    pids = {
        c.pid
        for c in listening
        if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr[1] == port
    }
    named = [_named(pid) for pid in pids if pid]
    return ", ".join(named) or "a process of another user"


def orphan_findings(home: Path, running: Stack | None) -> Iterator[Finding]:
    """Services of this home whose `up` is gone."""
    left = [process for process in _ours(home) if not _belongs(process, running)]
    for process in left:
        yield Finding(
            "processes",
            Severity.BAD,
            f"{_named(process.pid)} is left of an earlier `up` from {home}",
            f"kill {process.pid}",
        )
    if not left:
        yield Finding("processes", Severity.OK, "nothing is left of an earlier `up`")


def _ours(home: Path) -> "Iterator[psutil.Process]":
    import psutil  # late: as above

    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if any(word in command for word in _OURS) and _home_of(process, command, home):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # it ended meanwhile, or is another user's


def _home_of(process: "psutil.Process", command: str, home: Path) -> bool:
    if "valkey-server" in command:
        return str(home / "redis") in command or process.cwd() == str(home / "redis")
    return process.environ().get("MODELYARD_HOME") == str(home)


def _belongs(process: "psutil.Process", running: Stack | None) -> bool:
    if running is None:
        return False
    if process.pid in {running.pid, *(service.pid for service in running.services)}:
        return True
    return running.pid in {parent.pid for parent in process.parents()}


def _named(pid: int) -> str:
    import psutil  # late: as above

    try:
        command = " ".join(psutil.Process(pid).cmdline()).strip()[:120]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        command = "its command is hidden"
    mine = ", this process" if pid == os.getpid() else ""
    return f"pid {pid}{mine} ({command})"
