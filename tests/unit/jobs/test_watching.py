"""Watching a job through its life: events, epochs, workers."""

import json
import threading
from typing import Any

from modelyard.job import JobState
from modelyard.job_store import Lease, Outcome


def claim(yard: Any, job: str) -> Lease:
    """Claims jobs until it is this one; the others of the module are in the way."""
    while True:
        lease: Lease | None = yard.store.claim_next("train", "w")
        assert lease is not None
        if lease.job == job:
            return lease


def kinds(text: str) -> list[str]:
    return [line[7:] for line in text.splitlines() if line.startswith("event: ")]


def test_watchers_hear_what_happens_while_they_watch(yard: Any, digits: dict[str, Any]) -> None:
    job = yard.submit(digits)
    lease = claim(yard, job)
    heard: list[str] = []

    def watch() -> None:
        heard.append(yard.api.get(f"/v1/jobs/{job}/events").text)

    threads = [threading.Thread(target=watch) for _ in range(5)]
    for thread in threads:
        thread.start()
    for epoch in range(1, 301):  # more than a topic keeps, or one read answers
        yard.store.update(lease, event="epoch", data={"epoch": epoch, "note": "a\nb"})
    yard.store.finish(lease, Outcome(JobState.SUCCEEDED))
    for thread in threads:
        thread.join(20)
    assert len(heard) == 5
    expected = ["state", "state", *["epoch"] * 300, "state", "end"]
    assert all(kinds(text) == expected for text in heard)


def test_every_event_says_which_attempt_it_is_of(yard: Any, digits: dict[str, Any]) -> None:
    job = yard.submit(digits)
    yard.store.update(claim(yard, job), event="epoch", data={"epoch": 1})
    yard.api.post(f"/v1/jobs/{job}/cancel")
    attempts = [event.data["attempt"] for event in yard.store.events(job)]
    assert attempts == [0, 1, 1, 1]


def test_an_epoch_done_twice_is_told_once_as_the_later_attempt_did_it(
    yard: Any, digits: dict[str, Any]
) -> None:
    job = yard.submit(digits)

    def epoch(lease: Lease, number: int, loss: float) -> None:
        data = {"epoch": number, "epochs": 10, "seconds": 0.5, "examples_per_second": 100.0}
        yard.store.update(lease, event="epoch", data=data | {"logs": {"loss": loss}})

    first = claim(yard, job)
    for number in (1, 2, 3):
        epoch(first, number, 1.0)
    yard.store.release(first, "PREEMPTED", "", is_loss=False)
    second = claim(yard, job)
    for number in (3, 4):
        epoch(second, number, 0.25)
    told = yard.api.get(f"/v1/jobs/{job}/metrics").json()["epochs"]
    assert [(e["epoch"], e["attempt"], e["logs"]["loss"]) for e in told] == [
        (1, 1, 1.0),
        (2, 1, 1.0),
        (3, 2, 0.25),
        (4, 2, 0.25),
    ]
    assert told[0]["seconds"] == 0.5
    assert told[0]["examples_per_second"] == 100.0


def test_workers_are_busy_idle_or_lost(yard: Any) -> None:
    status = {"queue": "train", "device": "cpu", "job": "", "stopping": False}
    yard.store.heartbeat("calm", status)
    yard.store.heartbeat("eager", status | {"job": "digits-1"})
    silent = {"seen": 1.0, "status": status | {"job": "digits-2"}}
    yard.store._redis.hset("modelyard:workers", "gone", json.dumps(silent))
    workers = {w["name"]: w for w in yard.api.get("/v1/workers").json()["workers"]}
    assert {name: w["state"] for name, w in workers.items()} == {
        "calm": "idle",
        "eager": "busy",
        "gone": "lost",
    }
    assert workers["eager"]["job"] == "digits-1"
    assert workers["gone"]["seen_at"] == "1970-01-01T00:00:01.000+00:00"
