"""The threads that work on calls, and how many calls may be accepted beyond them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class CallPool(ThreadPoolExecutor):
    """Knows how many calls it was given that have not ended, so that the door can turn further ones away."""

    def __init__(self, threads: int, max_calls: int) -> None:
        super().__init__(threads, thread_name_prefix="call")
        self._max_calls = max_calls
        self._calls = 0
        self._count_lock = Lock()

    @property
    def is_full(self) -> bool:
        return self._calls >= self._max_calls

    @property
    def calls(self) -> int:
        return self._calls

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._add(1)
        try:
            future = super().submit(fn, *args, **kwargs)
        except BaseException:
            self._add(-1)
            raise
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: Future[Any]) -> None:
        self._add(-1)

    def _add(self, change: int) -> None:
        with self._count_lock:
            self._calls += change
