"""Starts the services of a plan, watches over them, and ends them all: nothing outlives it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from modelyard.cli import stack
from modelyard.cli.embedded import RedisServer
from modelyard.cli.plan import Plan
from modelyard.cli.service import Service, tail
from modelyard.cli.stack import RunningService, Stack
from modelyard.errors import DeadlineExceeded, FailedPrecondition

Say = Callable[[str, str], None]
"""Is told what happens: a kind (ok, bad, warn, busy) and a line for people."""

_START_SECONDS = 180.0  # a cold disk may need minutes to read TensorFlow once
_PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_WATCH_SECONDS = 0.5
_LONGEST_PAUSE = 30.0
_HEALTHY_AFTER = 60.0  # a service that lived this long is started again without a pause


@dataclass
class _Watched:
    service: Service
    failures: int = 0
    ready: bool = False
    start_again_at: float | None = None


@dataclass
class Supervisor:
    """Use it in the main thread, and call `stop` at the end, whatever happened in between."""

    plan: Plan
    say: Say
    stop_asked: Callable[[], bool] = lambda: False
    """Looked at often; answers whether the user wants it to end."""
    _redis: RedisServer | None = None
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _stack: Stack | None = None

    def start(self) -> Stack:
        """Answers once every service is ready; raises as `await_ready` does."""
        self.launch()
        return self.await_ready()

    def launch(self) -> None:
        """Starts everything; the queue answers, the others are on their way."""
        self._stack = Stack(
            os.getpid(), str(self.plan.home), self.plan.url, self.plan.grpc, time.time()
        )
        stack.write(self._stack)
        self._start_redis()
        for spec in self.plan.services:
            self._watched[spec.name] = _Watched(Service.start(spec))

    def await_ready(self, *names: str) -> Stack:
        """Answers once the named services are ready, all if none is named, or the end was asked for.

        Raises FailedPrecondition with the last lines of its log for a service that ends while it starts,
        DeadlineExceeded for one that is not ready in time.
        """
        assert self._stack is not None
        began = time.monotonic()
        deadline, told = began + _START_SECONDS, False
        while waiting := [
            w for n, w in self._watched.items() if not w.ready and n in (names or (n,))
        ]:
            if self.stop_asked():
                return self._stack
            for watched in waiting:
                self._check_started(watched, deadline)
            if not told and time.monotonic() - began > _PATIENCE_SECONDS:
                told = True
                self._tell_who_is_late(waiting)
            time.sleep(_LOOK_SECONDS)
        if all(watched.ready for watched in self._watched.values()):
            self._stack = replace(self._stack, ready=True)
            stack.write(self._stack)
        return self._stack

    def watch(self) -> None:
        """Until the end is asked for: a service that dies is reported and started again."""
        while not self.stop_asked():
            self._look_after_redis()
            for watched in self._watched.values():
                self._look_after(watched)
            time.sleep(_WATCH_SECONDS)

    def stop(self, *, at_once: bool = False) -> None:
        """Workers hand their jobs back, then the others end, then the queue."""
        workers = [w.service for n, w in self._watched.items() if n.startswith("worker")]
        others = [w.service for n, w in self._watched.items() if not n.startswith("worker")]
        for group in (workers, others):
            self._end(group, at_once)
        if self._redis is not None:
            self._redis.kill() if at_once else self._redis.stop()
        self._watched.clear()
        stack.remove(self.plan.home)

    def _start_redis(self) -> None:
        if self.plan.redis_port is None:
            return
        logs = self.plan.home / "logs"
        self._redis = RedisServer(
            self.plan.home / "redis", self.plan.redis_port, log=logs / "redis.log"
        )
        began = time.monotonic()
        self._redis.start()
        self._tell_of_redis(time.monotonic() - began)

    def _tell_of_redis(self, seconds: float) -> None:
        redis = self._redis
        assert redis is not None
        address = f"127.0.0.1:{redis.port}"
        self._enter(RunningService("queue", redis.pid or 0, address, "", str(redis.log), seconds))

    def _tell_who_is_late(self, waiting: list[_Watched]) -> None:
        for spec in (watched.service.spec for watched in waiting):
            self.say("warn", f"still waiting for {spec.name}; its log is {spec.log}")

    def _check_started(self, watched: _Watched, deadline: float) -> None:
        service = watched.service
        code = service.exit_code()
        if code is not None:
            raise FailedPrecondition(
                f"{service.spec.name} ended with code {code} while it started:\n{tail(service.spec.log)}",
                reason="SERVICE_DID_NOT_START",
            )
        if service.is_ready():
            self._mark_ready(watched)
        elif time.monotonic() > deadline:
            raise DeadlineExceeded(
                f"{service.spec.name} was not ready after {_START_SECONDS:g} s; see {service.spec.log}"
            )

    def _mark_ready(self, watched: _Watched) -> None:
        watched.ready = True
        spec, service = watched.service.spec, watched.service
        self._enter(
            RunningService(
                spec.name,
                service.process.pid,
                spec.address,
                f"{spec.health}/metrics",
                str(spec.log),
                service.seconds,
            )
        )

    def _enter(self, service: RunningService) -> None:
        assert self._stack is not None
        self.say("ok", f"{service.name:<12}{service.address:<34}{service.seconds:5.1f} s")
        self._stack = self._stack.with_service(service)
        stack.write(self._stack)

    def _look_after_redis(self) -> None:
        redis = self._redis
        if redis is None or redis.running:
            return
        self.say("bad", f"queue ended; its log is {redis.log}; starting it again, nothing is lost")
        try:
            redis.start()
        except (FailedPrecondition, DeadlineExceeded) as error:
            self.say("bad", f"queue: {error.message}")
            return
        self._tell_of_redis(0.0)

    def _look_after(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.start_again_at is not None:
            if now >= watched.start_again_at:
                self._start_again(watched)
            return
        code = watched.service.exit_code()
        if code is not None:
            self._report_end(watched, code, now)
        elif not watched.ready and watched.service.is_ready():
            self._mark_ready(watched)

    def _report_end(self, watched: _Watched, code: int, now: float) -> None:
        watched.service.kill()  # what it may have left behind
        lived = watched.service.seconds
        watched.failures = 0 if lived > _HEALTHY_AFTER else watched.failures + 1
        pause = pause_before(watched.failures)
        watched.start_again_at = now + pause
        spec = watched.service.spec
        self.say("bad", f"{spec.name} ended with code {code}; again in {pause:g} s; {spec.log}:")
        for line in tail(spec.log).splitlines():
            self.say("busy", f"  {line}")

    def _start_again(self, watched: _Watched) -> None:
        watched.service = Service.start(watched.service.spec)
        watched.ready = False
        watched.start_again_at = None

    def _end(self, services: list[Service], at_once: bool) -> None:
        for service in services:
            service.kill() if at_once else service.terminate()
        for service in services:
            if not service.join():
                name, grace = service.spec.name, service.spec.grace_seconds
                self.say("warn", f"{name} did not end within {grace:g} s and was killed")


def pause_before(failures: int) -> float:
    """Seconds before a service that failed so often in a row is started again."""
    return 0.0 if failures == 0 else min(_LONGEST_PAUSE, 2.0 ** (failures - 1))
