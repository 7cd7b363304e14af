"""The embedded Redis keeps what it was told through stop, crash and the death of its parent."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from modelyard.cli.embedded import RedisServer
from modelyard.errors import FailedPrecondition


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", fsync="always") as server:
        yield server


def client_of(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_it_is_set_up_to_lose_nothing(server: RedisServer) -> None:
    with client_of(server) as client:
        wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
        for option, value in wanted.items():
            assert client.config_get(option) == {option: value}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_outlives_the_server(server: RedisServer, end: str) -> None:
    with client_of(server) as client:
        client.set("job", "kept")
    port = server.port

    getattr(server, end)()
    assert server.pid is None
    server.start()

    assert server.port == port
    with client_of(server) as client:
        assert client.get("job") == b"kept"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(FailedPrecondition, match=str(port)):
            RedisServer(tmp_path, port).start()


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "data", fsync="sometimes")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(FailedPrecondition, match="ended with code 1"):
        server.start()


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from modelyard.cli.embedded import RedisServer\n"
        "print(RedisServer(Path(sys.argv[1])).start().pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert ends(child, within=5)


def ends(pid: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not is_alive(pid):
            return True
        time.sleep(0.02)
    return False


def is_alive(pid: int) -> bool:
    """A zombie that nobody reaps is dead enough."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
