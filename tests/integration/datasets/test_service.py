"""Uploads through the real service: large ones go to disk, and clients that leave or stall leave nothing."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

MIB = 1024 * 1024
SIZE = 256 * MIB


@pytest.fixture
def service(redis_url: str, tmp_path: Path) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "MODELYARD_HOME": str(tmp_path),
        "MODELYARD_PORT": str(port),
        "MODELYARD_REDIS_URL": redis_url,
        "MODELYARD_MIN_FREE_BYTES": "0",
        "MODELYARD_MAX_UPLOADS": "1",
        "MODELYARD_UPLOAD_IDLE_SECONDS": "2",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "modelyard.jobs"],
        env=os.environ | settings,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{address}/healthz/ready").status_code == 200:
                break
        except httpx2.TransportError:
            time.sleep(0.1)
    yield address, psutil.Process(process.pid)
    process.terminate()
    process.wait(30)


def content(sha: "hashlib._Hash") -> Iterator[bytes]:
    for number in range(SIZE // MIB):
        piece = number.to_bytes(8, "big") * (MIB // 8)
        sha.update(piece)
        yield piece


@pytest.mark.parametrize("is_resumable", [False, True])
def test_the_service_stays_small(
    service: tuple[str, psutil.Process], is_resumable: bool, tmp_path: Path
) -> None:
    address, process = service
    sha, peak = hashlib.sha256(), 0
    before = process.memory_info().rss

    def watched() -> Iterator[bytes]:
        nonlocal peak
        for piece in content(sha):
            yield piece
            peak = max(peak, process.memory_info().rss)

    with httpx2.Client(base_url=address, timeout=60) as client:
        if is_resumable:
            place = client.post("/v1/uploads", json={"bytes": SIZE}).headers["location"]
            answer = client.patch(place, content=watched(), headers={"Upload-Offset": "0"})
        else:
            answer = client.post("/v1/datasets", content=watched())

    assert answer.json()["digest"] == sha.hexdigest()
    assert answer.json()["bytes"] == SIZE
    assert peak - before < 64 * MIB


def test_a_client_that_leaves_leaves_nothing(
    service: tuple[str, psutil.Process], tmp_path: Path
) -> None:
    """But for a resumable upload, of which what had come stays."""
    address, _ = service

    def broken() -> Iterator[bytes]:
        for _ in range(5):
            yield bytes(MIB)
        raise ConnectionResetError

    with httpx2.Client(base_url=address, timeout=60) as client:
        with pytest.raises(ConnectionResetError):
            client.post("/v1/datasets", content=broken())
        place = client.post("/v1/uploads", json={"bytes": SIZE}).headers["location"]
        with pytest.raises(ConnectionResetError):
            client.patch(place, content=broken(), headers={"Upload-Offset": "0"})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            state = client.get(place).json()
            left = list((tmp_path / "datasets" / "sha256").rglob("*.tmp"))
            if state["offset"] and not left:
                break
            time.sleep(0.05)
        assert left == []
        assert 4 * MIB <= state["offset"] <= 5 * MIB
        go_on = {"Upload-Offset": str(state["offset"])}
        assert client.patch(place, content=b"x", headers=go_on).status_code == 200


def test_a_client_that_stalls_is_sent_away_and_its_place_is_free_again(
    service: tuple[str, psutil.Process], tmp_path: Path
) -> None:
    address, _ = service
    host, _, port = address.removeprefix("http://").partition(":")
    head = f"POST /v1/datasets HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\nabc"

    with socket.create_connection((host, int(port)), timeout=30) as stalled:
        stalled.sendall(head.encode())
        deadline = time.monotonic() + 30
        while not list((tmp_path / "datasets").rglob("*.tmp")) and time.monotonic() < deadline:
            time.sleep(0.02)
        refused = httpx2.post(f"{address}/v1/datasets", content=b"x\n1\n")
        assert (refused.status_code, refused.json()["reason"]) == (429, "TOO_MANY_UPLOADS")
        assert b"UPLOAD_STALLED" in stalled.recv(65_536) + stalled.recv(65_536)

    assert httpx2.post(f"{address}/v1/datasets", content=b"x\n1\n").status_code == 201
    assert list((tmp_path / "datasets").rglob("*.tmp")) == []
