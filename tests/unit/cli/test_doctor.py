"""What the doctor sees, on a machine whose troubles we made."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.cli.addresses import Address, Addresses
from modelyard.cli.doctor import Severity, disk, processes, queue, services
from modelyard.cli.doctor.environment import missing_bytecode
from modelyard.cli.embedded import RedisServer
from modelyard.cli.stack import RunningService, Stack


def test_the_owner_of_a_taken_port_is_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        [finding] = processes.port_findings({"inference": port})
    assert finding.severity is Severity.WARN
    assert f"port {port}, for inference, is held by pid {os.getpid()}" in finding.message
    [free] = processes.port_findings({"inference": port})
    assert free.severity is Severity.OK


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Looks as a worker does whose `up` is gone."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "modelyard.training"],
        env=os.environ | {"MODELYARD_HOME": str(tmp_path)},
    )
    time.sleep(0.1)  # until it runs what it was started for
    yield process
    process.kill()
    process.wait()


def test_a_process_that_was_left_behind_is_named(
    tmp_path: Path, orphan: "subprocess.Popen[bytes]"
) -> None:
    [finding] = processes.orphan_findings(tmp_path, None)
    assert finding.severity is Severity.BAD
    assert f"pid {orphan.pid} " in finding.message
    assert finding.help == f"kill {orphan.pid}"

    worker = RunningService("worker-0", orphan.pid, "", "", "", 0.0)
    running = Stack(1, str(tmp_path), "", "", 0.0, services=(worker,))
    [well] = processes.orphan_findings(tmp_path, running)
    assert well.severity is Severity.OK
    [elsewhere] = processes.orphan_findings(tmp_path / "other", None)
    assert elsewhere.severity is Severity.OK


def test_a_queue_that_keeps_what_it_is_told_is_well(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        told = queue.info(("127.0.0.1", redis.port))
        assert queue.judged("here", told).severity is Severity.OK
        service = RunningService("queue", 1, f"127.0.0.1:{redis.port}", "", "", 0.0)
        running = Stack(1, str(tmp_path), "", "", 0.0, services=(service,))
        [well] = queue.findings(running)
        assert well.severity is Severity.OK
    [lost] = queue.findings(running)
    assert lost.severity is Severity.BAD
    assert "does not answer" in lost.message


@pytest.mark.parametrize(
    ("said", "severity", "word"),
    [
        ({"aof_enabled": "0"}, Severity.BAD, "append-only"),
        ({"aof_enabled": "1", "aof_last_write_status": "err"}, Severity.BAD, "aof_last_write"),
        ({"aof_enabled": "1", "maxmemory_policy": "allkeys-lru"}, Severity.BAD, "allkeys-lru"),
        ({"loading": "1"}, Severity.WARN, "loads"),
    ],
)
def test_a_queue_that_may_forget_is_told(
    said: dict[str, str], severity: Severity, word: str
) -> None:
    finding = queue.judged("here", said)
    assert finding.severity is severity
    assert word in finding.message


def test_modules_that_are_not_compiled_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.py").write_text("x = 1\n")
    assert missing_bytecode(tmp_path) == (1.0, 4)
    compiled = [sys.executable, "-m", "py_compile", str(tmp_path / "a.py")]
    subprocess.run(compiled, check=True)
    assert missing_bytecode(tmp_path) == (0.75, 4)


def test_a_home_that_is_not_there_yet_has_a_disk(tmp_path: Path) -> None:
    [finding] = disk.findings(tmp_path / "not" / "yet")
    assert str(tmp_path) in finding.message


def test_services_that_do_not_answer_are_named_with_who_said_so() -> None:
    nowhere = Address("http://127.0.0.1:1", "context 'prod'")
    addresses = Addresses(nowhere, Address("127.0.0.1:1", "MODELYARD_GRPC"))
    jobs, inference = services.findings(None, addresses)
    assert (jobs.severity, inference.severity) == (Severity.BAD, Severity.BAD)
    assert "context 'prod'" in jobs.message
    assert "MODELYARD_GRPC" in inference.message


def test_a_machine_where_nothing_was_started_is_well() -> None:
    default = Addresses(Address("http://127.0.0.1:7070", "default"), Address("x:1", "default"))
    [finding] = services.findings(None, default)
    assert not finding.severity.is_trouble
