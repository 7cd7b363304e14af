"""A line that breaks again and again between the client and the real jobs API loses nothing and repeats nothing."""

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from modelyard.client import Client, Job
from modelyard.client.address import Address

REQUEST = {
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "dense", "units": [4]},
    "training": {"epochs": 30, "batch_size": 256},
    "publish": {"model": "broken-line"},
}


class BadLine:
    """Carries TCP to a place, and cuts a connection without a word once it has carried so many bytes back or forth."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._to = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.most_back = self.most_forth = 1 << 62
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            for source, sink, most in (
                (near, far, self.most_forth),
                (far, near, self.most_back),
            ):
                threading.Thread(target=self._carry, args=(source, sink, most), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, most: int) -> None:
        carried = 0
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data[: most - carried])
                carried += len(data)
                if carried >= most:
                    self.cuts += 1
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture(scope="module")
def job(real_place: Address) -> Job:
    with Client(real_place.url, real_place.grpc, timeout=60) as client:
        return client.jobs.submit(REQUEST)


@pytest.fixture
def line(real_place: Address) -> Iterator[BadLine]:
    line = BadLine(real_place.url)
    yield line
    line.close()


def test_events_and_logs_over_a_line_that_breaks(
    real_place: Address, line: BadLine, job: Job
) -> None:
    """Watched from its beginning, while it runs; then compared with what a good line tells."""
    line.most_back = 4000  # more than any single event has
    with Client(line.url, timeout=20) as client:
        events = list(client.jobs.events(job.id))
        cuts = line.cuts
        lines = list(client.jobs.logs(job.id))
    with Client(real_place.url, timeout=20) as client:
        assert events == list(client.jobs.events(job.id))
        assert lines == list(client.jobs.logs(job.id))
    epochs = [event.data["epoch"] for event in events if event.kind == "epoch"]
    assert epochs == list(range(1, 31))
    assert cuts > 2


def test_a_large_file_over_a_line_that_breaks(
    real_place: Address, line: BadLine, tmp_path: Path
) -> None:
    content = os.urandom(20 * 1024 * 1024)
    file = tmp_path / "large.bin"
    file.write_bytes(content)
    line.most_forth = 6 * 1024 * 1024
    with Client(line.url, timeout=20) as client:
        sent = client.datasets.upload(file)
    assert sent.digest == hashlib.sha256(content).hexdigest()
    assert line.cuts > 2
    with Client(real_place.url, timeout=20) as client:
        client.datasets.delete(sent.digest)
