"""Deadlines and retries: one policy for both wires."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from modelyard.client.errors import ApiError, DeadlineExceeded, InvalidRequest
from modelyard.client.steps import Ask, Pause, Send, Steps

_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Options:
    timeout: float = 30.0
    """Seconds for one call with all its retries; streams have no deadline."""
    retries: int = 2
    """How often a call is tried again that found nobody, or a busy service."""

    def __post_init__(self) -> None:
        if not self.timeout > 0:
            raise InvalidRequest(f"timeout: expected seconds above 0, received {self.timeout!r}")
        if self.retries < 0:
            raise InvalidRequest(f"retries: expected 0 or more, received {self.retries!r}")

    def changed(self, timeout: float | None, retries: int | None) -> "Options":
        return Options(
            self.timeout if timeout is None else timeout,
            self.retries if retries is None else retries,
        )


def retried(
    options: Options, step: Send | Ask, read: Callable[[Any], Any], *, safe: bool
) -> Steps[Any]:
    """What `read` makes of the outcome. `safe`: doing the step twice does the same as doing it once."""
    deadline = time.monotonic() + options.timeout
    attempt = 0
    while True:
        left = max(0.001, deadline - time.monotonic())
        try:
            return read((yield replace(step, timeout=left)))
        except ApiError as error:
            if attempt >= options.retries or not (error.never_began or (safe and error.retryable)):
                raise
            pause = backoff(attempt, error.retry_after)
            if time.monotonic() + pause >= deadline:
                raise
        yield Pause(pause)
        attempt += 1


def backoff(attempt: int, asked: float | None = None) -> float:
    """Seconds before try `attempt` + 1: doubling, with full jitter, and never sooner than the service asks for."""
    jitter = random.uniform(0.05, min(8.0, 0.5 * 2**attempt))  # noqa: S311 - no secret
    if asked is None:
        return jitter
    return min(_LONGEST_PAUSE, asked + min(jitter, 0.25 * asked))


def out_of_time(where: str) -> DeadlineExceeded:
    return DeadlineExceeded(f"{where} did not answer in time")
