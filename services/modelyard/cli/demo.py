"""The whole line, start to end: three requests become three models that answer over gRPC.

`python -m modelyard.cli.demo` is `modelyard demo`. Its exit code is 0 only if every step did what it should.
"""

import csv
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click
import psutil

from modelyard.cli import exits, stack
from modelyard.cli.metrics_page import excerpt
from modelyard.cli.output import mark, say
from modelyard.cli.plan import Wishes, plan
from modelyard.cli.supervisor import Supervisor
from modelyard.cli.tf_serving_call import predict_image
from modelyard.cli.watch import beside, follow
from modelyard.client import ApiError, Client, Job
from modelyard.errors import DeadlineExceeded, FailedPrecondition

Answer = TypeVar("Answer")

_TIMEOUT = 900
_SERVED_WITHIN = 60.0
_TEXTS = ("Congratulations! You have won a free prize, call now", "See you at the station at six")
_WANTED_METRICS = {
    "jobs": ("modelyard_job_submitted_total", "modelyard_jobs{"),
    "worker-0": (
        "modelyard_training_value",
        "modelyard_training_examples_per_second",
        "modelyard_job_finished_total",
    ),
    "inference": (
        "modelyard_inference_request_seconds_sum",
        "modelyard_inference_request_seconds_count",
        "modelyard_inference_run_seconds_sum",
        "modelyard_inference_load_seconds_sum",
    ),
}


@dataclass
class Demo:
    examples: Path
    home: Path | None = None
    _children: list[psutil.Process] = field(default_factory=list)

    def run(self) -> int:
        with _home(self.home) as home, _signals():
            try:
                self._run_in(home)
                self._check_nothing_left()
            except (ApiError, DeadlineExceeded, FailedPrecondition) as error:
                say(f"{mark('bad')} the demo failed: {error.message}")
                return exits.FAILED
            except KeyboardInterrupt:
                say(f"{mark('warn')} interrupted; nothing is left running")
                return exits.INTERRUPTED
        say(f"{mark('ok')} the demo is done; everything was stopped and nothing is left running")
        return exits.OK

    def _run_in(self, home: Path) -> None:
        with stack.claimed(home):
            decided = plan(Wishes(home))
            supervisor = Supervisor(decided, lambda kind, line: say(f"{mark(kind)} {line}"))
            try:
                _title("Starting the queue, the jobs API, a worker and inference")
                supervisor.launch()
                supervisor.await_ready("jobs")
                with Client(decided.url, decided.grpc) as client:
                    self._tell_story(client, supervisor)
            finally:
                self._children = psutil.Process().children(recursive=True)
                supervisor.stop()

    def _tell_story(self, client: Client, supervisor: Supervisor) -> None:
        # The first job is submitted while inference still starts: the worker needs the same seconds.
        digits = self._submit(client, "digits")
        running = supervisor.await_ready()
        first = self._digits(client, digits)
        sms, airline = self._submit(client, "sms"), self._submit(client, "airline")
        second = self._sms(client, sms)
        third = self._airline(client, airline)
        _title("What Prometheus would scrape")
        for name, wanted in _WANTED_METRICS.items():
            say(f"  {running.service(name).metrics}")
            for line in excerpt(running.service(name).metrics, wanted, limit=16):
                say(f"    {line}")
        _title("Results on held-out examples")
        for job in (first, second, third):
            say(f"  {job.model:<10}{beside(job.metrics, job.baseline)}")
        _check_better(first, "accuracy", more=True)
        _check_better(second, "accuracy", more=True)
        _check_better(third, "mase", more=False)

    def _submit(self, client: Client, name: str) -> Job:
        job = client.jobs.submit(self.examples / f"{name}.yaml")
        say(f"{mark('ok')} submitted    {name}.yaml as job {job.id}")
        return job

    def _digits(self, client: Client, job: Job) -> Job:
        _title("A convolutional network on handwritten digits")
        done = follow(client, job.id, epoch_lines=6).raise_for_state()
        images = sorted((self.examples / "digits").glob("*.png"))
        if not images:
            raise FailedPrecondition(f"there are no images in {self.examples / 'digits'}")
        answer = _once_served(lambda: client.predict.classify_images(done.model, images[:1]))
        say(
            f"{mark('ok')} first gRPC prediction of the new network "
            f"{_seconds_since_start():.1f} s after the start of this process"
        )
        answer = client.predict.classify_images(done.model, images)
        for image, result in zip(images, answer.results, strict=True):
            say(f"    {image.name:<16}→ {result.top.name}  {result.top.score:.1%}")
        say(f"    {_latency(lambda: client.predict.classify_images(done.model, images[:1]))}")
        scores = predict_image(client.grpc, done.model, images[0].read_bytes())
        say(f"    TensorFlow Serving's own Predict on {images[0].name}: {scores}")
        return done

    def _sms(self, client: Client, job: Job) -> Job:
        _title("A text classifier on SMS spam")
        done = follow(client, job.id, epoch_lines=6).raise_for_state()
        answer = _once_served(lambda: client.predict.classify_texts(done.model, _TEXTS))
        for text, result in zip(_TEXTS, answer.results, strict=True):
            say(f"    {text!r} → {result.top.name}  {result.top.score:.1%}")
        return done

    def _airline(self, client: Client, job: Job) -> Job:
        _title("A forecaster on the airline series")
        done = follow(client, job.id, epoch_lines=6).raise_for_state()
        history, actual = _airline_series()
        answer = _once_served(lambda: client.predict.forecast(done.model, history))
        say(f"    forecast  {' '.join(f'{value:5.0f}' for value in answer.series[0])}")
        say(f"    actual    {' '.join(f'{value:5.0f}' for value in actual)}")
        return done

    def _check_nothing_left(self) -> None:
        left = [child for child in self._children if _lives(child)]
        if left:
            names = ", ".join(f"{child.pid} {' '.join(child.cmdline()[:4])}" for child in left)
            raise FailedPrecondition(f"processes are left running: {names}", reason="LEFT_RUNNING")


def _title(text: str) -> None:
    say(f"\n{click.style(text, bold=True)}")


def _check_better(job: Job, metric: str, *, more: bool) -> None:
    """A network that loses to the answer without a network is no result to show."""
    ours, theirs = job.metrics[metric], job.baseline[metric]
    if not (ours > theirs if more else ours < theirs):
        raise FailedPrecondition(
            f"{job.model}: {metric} {ours:.4g} is no better than its baseline, {theirs:.4g}",
            reason="NO_BETTER_THAN_BASELINE",
        )


def _once_served(ask: Callable[[], Answer]) -> Answer:
    """Asks until inference has found the new version; it looks for new ones all the time."""
    deadline = time.monotonic() + _SERVED_WITHIN
    while True:
        try:
            return ask()
        except ApiError as error:
            if error.code not in ("NOT_FOUND", "UNAVAILABLE") or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _latency(ask: Callable[[], object], calls: int = 200) -> str:
    """What a caller waits, one call after the other."""
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    p50, p99 = (statistics.quantiles(seconds, n=100)[p - 1] * 1000 for p in (50, 99))
    return f"{calls} calls one after the other: p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _airline_series() -> tuple[list[float], list[float]]:
    """All years but the last, and the last, which training never saw."""
    source = resources.files("modelyard.datasets.builtin") / "airline.csv"
    with source.open(encoding="utf-8") as file:
        values = [float(row["passengers"]) for row in csv.DictReader(file)]
    return values[:-12], values[-12:]


def _seconds_since_start() -> float:
    return time.time() - psutil.Process().create_time()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def _home(home: Path | None) -> Iterator[Path]:
    if home is not None:
        yield home.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="modelyard-demo-") as folder:
        yield Path(folder)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, and nothing can hang for ever."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def too_late(number: int, frame: FrameType | None) -> None:
        raise DeadlineExceeded(f"not done after {_TIMEOUT} s")

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(_TIMEOUT)
    try:
        yield
    finally:
        signal.alarm(0)


def main() -> Any:
    sys.exit(Demo(Path("examples").absolute()).run())


if __name__ == "__main__":
    main()
