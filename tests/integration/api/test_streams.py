"""Streams over restarts of the service, and readers that leave."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelyard.job import JobState, Reason
from modelyard.job_store import JobStore, Outcome

LINES = 6000
MOST = 20


@pytest.fixture(scope="module")
def service_settings() -> dict[str, Any]:
    return {"max_watchers": MOST}


def frames(lines: Iterator[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(id, event, data) of each whole event."""
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}


class Reader:
    """Follows a stream to its end over any number of broken connections, as the clients do."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.seen: list[tuple[str, str, dict[str, Any]]] = []
        self.connections = 0
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"no end after {len(self.seen)} events"

    def _read(self) -> None:
        while not self.seen or self.seen[-1][1] != "end":
            try:
                self._read_once()
            except httpx2.TransportError:
                time.sleep(0.05)

    def _read_once(self) -> None:
        headers = {"Last-Event-ID": self.seen[-1][0]} if self.seen else {}
        with httpx2.stream("GET", self._url, headers=headers, timeout=20, trust_env=False) as told:
            if told.status_code == 200:
                self.connections += 1
                for frame in frames(told.iter_lines()):
                    self.seen.append(frame)


def wait_until(condition: Any, seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def written(folder: Path, attempt: int) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    return open(folder / f"attempt-{attempt}.log", "a", encoding="utf-8")


def test_a_log_is_followed_through_two_restarts_without_a_gap_or_a_repeat(
    service: Any, store: JobStore, request_body: dict[str, Any]
) -> None:
    """One restart is a stop, the other a kill; the job loses its worker in between and is tried again."""
    job = httpx2.post(f"{service.url}/v1/jobs", json=request_body, trust_env=False).json()["id"]
    lease = store.claim_next("train", "w")
    assert lease is not None
    reader = Reader(f"{service.url}/v1/jobs/{job}/logs")
    expected = []

    def write(attempt: int, begin: int, end: int) -> None:
        with written(service.work / job, attempt) as log:
            for number in range(begin, end):
                line = f"line {number} {'é' * (number % 200)}"
                expected.append((attempt, line))
                log.write(line + "\n")
                if number % 50 == 0:
                    log.flush()

    write(1, 0, LINES // 3)
    wait_until(lambda: len(reader.seen) > 10)
    assert service.stop() < 5  # although a reader is there
    write(1, LINES // 3, LINES // 2)
    service.start()
    wait_until(lambda: reader.connections >= 2)
    store.release(lease, Reason.WORKER_LOST, "", is_loss=True)
    again = store.claim_next("train", "w")
    assert again is not None
    write(2, LINES // 2, 2 * LINES // 3)
    service.stop(signal.SIGKILL)
    write(2, 2 * LINES // 3, LINES)
    service.start()
    store.finish(again, Outcome(JobState.SUCCEEDED))
    reader.join(30)

    assert [event for _, event, _ in reader.seen].count("end") == 1
    assert [(d["attempt"], d["line"]) for _, event, d in reader.seen if event == "log"] == expected
    assert reader.connections >= 3


def test_events_are_followed_through_a_restart(
    service: Any, store: JobStore, request_body: dict[str, Any]
) -> None:
    job = httpx2.post(f"{service.url}/v1/jobs", json=request_body, trust_env=False).json()["id"]
    lease = store.claim_next("train", "w")
    assert lease is not None
    reader = Reader(f"{service.url}/v1/jobs/{job}/events")
    for epoch in range(1, 101):
        store.update(lease, event="epoch", data={"epoch": epoch})
        if epoch == 50:
            wait_until(lambda: len(reader.seen) > 20)
            assert service.stop() < 5
            service.start()
    store.finish(lease, Outcome(JobState.SUCCEEDED))
    reader.join(30)
    epochs = [data["epoch"] for _, event, data in reader.seen if event == "epoch"]
    assert epochs == list(range(1, 101))
    assert reader.seen[-1][1] == "end"


def test_readers_that_leave_free_their_place_at_once(
    service: Any, request_body: dict[str, Any]
) -> None:
    job = httpx2.post(f"{service.url}/v1/jobs", json=request_body, trust_env=False).json()["id"]
    for path in ("events", "logs"):
        for _ in range(MOST + 3):  # one after the other: more than may be there together
            url = f"{service.url}/v1/jobs/{job}/{path}"
            with httpx2.stream("GET", url, trust_env=False) as told:
                assert told.status_code == 200, told.read()
            time.sleep(0.02)


def test_more_watchers_than_may_be_are_refused_with_a_time_to_come_back(
    service: Any, request_body: dict[str, Any]
) -> None:
    job = httpx2.post(f"{service.url}/v1/jobs", json=request_body, trust_env=False).json()["id"]
    url = f"{service.url}/v1/jobs/{job}/events"
    with httpx2.Client(trust_env=False) as client:
        streams = [client.send(client.build_request("GET", url), stream=True) for _ in range(MOST)]
        try:
            refused = client.get(url)
            assert (refused.status_code, refused.json()["reason"]) == (429, "TOO_MANY_WATCHERS")
            assert int(refused.headers["retry-after"]) > 0
        finally:
            for stream in streams:
                stream.close()
