"""`modelyard up` in the foreground: how it starts beside others, and that nothing outlives it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(180)


def up(folder: Path, *arguments: str, **told: str) -> "subprocess.Popen[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")} | told
    return subprocess.Popen(
        [sys.executable, "-m", "modelyard.cli", "up", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
    )


def read_until(process: "subprocess.Popen[str]", wanted: str) -> str:
    said = ""
    assert process.stderr is not None
    for line in process.stderr:
        said += line
        if wanted in line:
            return said
    raise AssertionError(f"it ended without saying {wanted!r}:\n{said}")


def processes_of(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"MODELYARD_HOME={folder}".encode() in told:
            found.append(int(process.name))
    return found


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_everything_it_started(tmp_path: Path, end: signal.Signals) -> None:
    process = up(tmp_path)
    read_until(process, "Stop with Ctrl-C")
    assert len(processes_of(tmp_path)) >= 3

    process.send_signal(end)

    said = read_until(process, "nothing is left running")
    assert process.wait(30) == 0, said
    assert process.stderr is not None
    process.stderr.close()
    assert processes_of(tmp_path) == []


def test_when_it_is_killed_its_services_end_too(tmp_path: Path) -> None:
    process = up(tmp_path)
    read_until(process, "Stop with Ctrl-C")

    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()

    deadline = time.monotonic() + 40
    while processes_of(tmp_path):
        assert time.monotonic() < deadline, processes_of(tmp_path)
        time.sleep(0.1)


def test_a_taken_port_is_told_and_another_used(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        process = up(tmp_path, "--port", str(port))
        said = read_until(process, "Stop with Ctrl-C")
        process.send_signal(signal.SIGTERM)
        read_until(process, "nothing is left running")
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()
    assert f"port {port} is taken, the jobs API uses {port + 1}" in said
    assert f"held by pid {os.getpid()} " in said


def test_a_service_that_cannot_start_is_shown_and_nothing_stays(tmp_path: Path) -> None:
    process = up(tmp_path, MODELYARD_POLL_SECONDS="never")
    said = read_until(process, "SERVICE_DID_NOT_START")
    assert process.stderr is not None
    said += process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 1
    assert "inference ended with code" in said
    assert "poll_seconds" in said.lower()  # the tail of its log says why
    assert processes_of(tmp_path) == []
