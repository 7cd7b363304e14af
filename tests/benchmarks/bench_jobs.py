"""What the jobs API bears: many watchers, many waiting jobs, a long log over restarts.

    python tests/benchmarks/bench_jobs.py [--watchers 500] [--jobs 10000] [--lines 50000]

Starts a store and an API of its own, prints a table and writes build/bench/jobs.json. The latency of an event is
from before its worker tells the store until its watcher has read it; all of them share this machine's processors.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psutil
import redis

from modelyard.cli.embedded import RedisServer
from modelyard.job import JobRequest, JobState
from modelyard.job_store import JobStore, Lease, Outcome
from modelyard.journal import Journal

RESULTS = Path("build/bench/jobs.json")
MIB = 1024 * 1024
REQUEST: dict[str, Any] = {
    "task": {"type": "forecasting", "target": "passengers", "time": "month", "horizon": 12},
    "dataset": {"type": "csv", "source": "builtin://airline"},
    "network": {"type": "dense", "units": [8]},
    "publish": {"model": "airline"},
}


class Yard:
    """A store, and an API that can be stopped and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.redis = RedisServer(home / "redis").start()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.store = JobStore(self.redis.url, Journal(home / "journal"))
        self.api = httpx2.Client(base_url=self.url, trust_env=False, timeout=30)
        self._process: subprocess.Popen[bytes]

    def start(self) -> "Yard":
        wishes = {"HOME": self.home, "REDIS_URL": self.redis.url, "PORT": self.port}
        environment = os.environ | {f"MODELYARD_{k}": str(v) for k, v in wishes.items()}
        with open(self.home / "jobs.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "modelyard.jobs"], env=environment, stderr=log
            )
        while self._process.poll() is None:
            try:
                if self.api.get("/healthz/ready").status_code == 200:
                    return self
            except httpx2.TransportError:
                time.sleep(0.05)
        raise SystemExit((self.home / "jobs.log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)
        self._process.wait()

    def end(self) -> None:
        self.stop()
        self.store.close()
        self.redis.stop()

    @property
    def rss(self) -> float:
        """MiB of the API."""
        return psutil.Process(self._process.pid).memory_info().rss / MIB

    @property
    def cpu(self) -> float:
        """Seconds of processor that the API has used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def claimed(self, jobs: int) -> list[Lease]:
        request = JobRequest.model_validate(REQUEST)
        for _ in range(jobs):
            self.store.submit(request)
        leases = [self.store.claim_next("train", "bench") for _ in range(jobs)]
        return [lease for lease in leases if lease is not None]


def quantiles(values: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(values)
    return {
        f"p{q}_ms": round(1000 * ordered[min(len(ordered) - 1, q * len(ordered) // 100)], 2)
        for q in (50, 99)
    }


# ---- watchers


async def watch(yard: Yard, job: str, latencies: list[float], there: asyncio.Semaphore) -> int:
    """Answers how many events came before the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", yard.port)
    path = f"/v1/jobs/{job}/events"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    events = 0
    while line := await reader.readline():
        if line.startswith(b'data: {"state": "STARTING"') or b'"STARTING"' in line:
            there.release()
        if line.startswith(b"data: ") and b'"sent"' in line:
            latencies.append(time.time() - json.loads(line[6:])["sent"])
            events += 1
        if line.startswith(b"event: end"):
            break
    writer.close()
    return events


async def watched(yard: Yard, watchers: int, leases: list[Lease], events: int) -> dict[str, Any]:
    latencies: list[float] = []
    there = asyncio.Semaphore(0)
    before = yard.rss
    tasks = []
    for number in range(watchers):
        lease = leases[number % len(leases)]
        tasks.append(asyncio.create_task(watch(yard, lease.job, latencies, there)))
    for _ in range(watchers):
        await there.acquire()
    connected = yard.rss
    info = redis.Redis.from_url(yard.redis.url)
    connections = len(info.client_list())
    cpu, began = yard.cpu, time.perf_counter()

    def tell() -> None:
        for number in range(events):
            lease = leases[number % len(leases)]
            data = {"epoch": number, "sent": time.time(), "logs": {"loss": 0.5, "val_loss": 0.6}}
            yard.store.update(lease, event="epoch", data=data)
            time.sleep(0.05)

    await asyncio.to_thread(tell)
    seconds, cpu, after = time.perf_counter() - began, yard.cpu - cpu, yard.rss
    for lease in leases:
        await asyncio.to_thread(yard.store.finish, lease, Outcome(JobState.SUCCEEDED))
    got = sum(await asyncio.gather(*tasks))
    info.close()
    return {
        "watchers": watchers,
        "jobs": len(leases),
        "delivered": got,
        "expected": events * watchers // len(leases),
        **quantiles(latencies),
        "delivered_per_second": round(got / seconds),
        "api_cpu_share": round(cpu / seconds, 2),
        "redis_connections": connections,
        "rss_mib": {"before": round(before), "connected": round(connected), "after": round(after)},
        "kib_per_watcher": round(1024 * (after - before) / watchers, 1),
    }


# ---- waiting jobs


CALLS: dict[str, tuple[str, str]] = {
    "submit": ("POST", "/v1/jobs"),
    "list": ("GET", "/v1/jobs?limit=50"),
    "list by model and state": ("GET", "/v1/jobs?limit=50&model=airline&state=QUEUED"),
}


def seconds_of(yard: Yard, method: str, path: str) -> float:
    began = time.perf_counter()
    yard.api.request(method, path, json=REQUEST if method == "POST" else None).raise_for_status()
    return time.perf_counter() - began


def asked(few: Yard, many: Yard, calls: int) -> dict[str, dict[str, dict[str, float]]]:
    """In turns, so that whatever else the machine does is done to both."""
    taken: dict[str, dict[str, list[float]]] = {"few": {}, "many": {}}
    for name, call in CALLS.items():
        for _ in range(calls):
            taken["few"].setdefault(name, []).append(seconds_of(few, *call))
            taken["many"].setdefault(name, []).append(seconds_of(many, *call))
    return {
        which: {name: quantiles(each) for name, each in by_call.items()}
        for which, by_call in taken.items()
    }


def waiting(few: Yard, many: Yard, jobs: int, calls: int = 500) -> dict[str, Any]:
    """The same calls beside a page of waiting jobs and beside many."""
    request = JobRequest.model_validate(REQUEST)
    for _ in range(50):
        few.store.submit(request)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: many.store.submit(request), range(jobs)))
    time.sleep(3)  # the reconciler comes by
    asked(few, many, 50)  # warm
    measured = asked(few, many, calls)
    info = redis.Redis.from_url(many.redis.url)
    broker = info.llen("modelyard:bell:train")
    info.close()
    counted = many.store.counts()["train", JobState.QUEUED]
    return {**measured, "queued": counted, "broker_list": broker}


# ---- a long log


class Follower:
    """Reads a log to its end over any number of broken connections, as the clients do."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._last = ""
        self.seen: list[tuple[int, str]] = []
        self.ends = self.connections = 0

    def follow(self) -> None:
        while not self.ends:
            try:
                self._once()
            except httpx2.TransportError:
                time.sleep(0.05)

    def _once(self) -> None:
        headers = {"Last-Event-ID": self._last} if self._last else {}
        with httpx2.stream("GET", self._url, headers=headers, timeout=30, trust_env=False) as told:
            self.connections += 1
            fields: dict[str, str] = {}
            for line in told.iter_lines():
                name, _, value = line.partition(": ")
                fields[name] = value
                if not line and "data" in fields:
                    self._take(fields)
                    fields = {}

    def _take(self, fields: dict[str, str]) -> None:
        self._last = fields["id"]
        if fields["event"] == "end":
            self.ends += 1
        else:
            data = json.loads(fields["data"])
            self.seen.append((data["attempt"], data["line"]))


def followed(yard: Yard, lines: int) -> dict[str, Any]:
    """Written while it is followed; the API is stopped once and killed once meanwhile."""
    (lease,) = yard.claimed(1)
    follower = Follower(f"{yard.url}/v1/jobs/{lease.job}/logs")
    reader = threading.Thread(target=follower.follow)
    began = time.perf_counter()
    reader.start()
    expected = [(lease.fence, f"line {n} of a trainer that has much to say") for n in range(lines)]
    interruptions = {lines // 3: signal.SIGTERM, 2 * lines // 3: signal.SIGKILL}
    file = yard.home / "work" / lease.job / f"attempt-{lease.fence}.log"
    file.parent.mkdir(parents=True)
    with open(file, "w", encoding="utf-8") as log:
        for number, (_, line) in enumerate(expected):
            log.write(f"{line}\n")
            if number % 500 == 0:
                log.flush()
                time.sleep(0.02)
            if number in interruptions:
                yard.stop(interruptions[number])
                yard.start()
    yard.store.finish(lease, Outcome(JobState.SUCCEEDED))
    reader.join(60)
    return {
        "lines": lines,
        "seen": len(follower.seen),
        "exact": follower.seen == expected,
        "end_marks": follower.ends,
        "connections": follower.connections,
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--lines", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        yard, other = Yard(Path(folder, "a")).start(), Yard(Path(folder, "b")).start()
        try:
            results = {
                "one job": asyncio.run(watched(yard, options.watchers, yard.claimed(1), 100)),
                "fifty jobs": asyncio.run(watched(yard, options.watchers, yard.claimed(50), 400)),
                "log": followed(yard, options.lines),
                "waiting": waiting(yard, other, options.jobs),
            }
        finally:
            yard.end()
            other.end()
    report(results)


def report(results: dict[str, Any]) -> None:
    print(
        f"{'watchers':>20} {'p50 ms':>8} {'p99 ms':>8} {'events/s':>9} {'CPU':>5} {'KiB each':>9}"
    )
    for name in ("one job", "fifty jobs"):
        row = results[name]
        print(
            f"{row['watchers']:>8} of {name:>8} {row['p50_ms']:>8.1f} {row['p99_ms']:>8.1f} "
            f"{row['delivered_per_second']:>9} {row['api_cpu_share']:>5.2f} {row['kib_per_watcher']:>9.1f}"
            f"   {row['delivered']}/{row['expected']} delivered, {row['redis_connections']} Redis connections"
        )
    row = results["waiting"]
    print(f"\n{'waiting jobs':>26} {'p50 ms':>8} {'p99 ms':>8}   beside 50 and {row['queued']}")
    for call in row["few"]:
        for which in ("few", "many"):
            values = row[which][call]
            print(f"{call:>26} {values['p50_ms']:>8.1f} {values['p99_ms']:>8.1f}   {which}")
    print(f"doorbells in the list of the broker: {row['broker_list']}")
    row = results["log"]
    print(
        f"\nlog: {row['seen']}/{row['lines']} lines over {row['connections']} connections in {row['seconds']} s, "
        f"{'exact' if row['exact'] else 'WITH GAPS OR REPEATS'}, {row['end_marks']} end mark"
    )
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    host = {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    RESULTS.write_text(json.dumps({"host": host, "load": os.getloadavg(), **results}, indent=2))


if __name__ == "__main__":
    main()
