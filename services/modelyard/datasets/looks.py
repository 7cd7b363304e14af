"""Looks that take long: each is made once, however many ask for it, and goes on when they have left."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from modelyard.datasets.summary import Summary
from modelyard.errors import InvalidRequest, Unavailable

_MOST_UNDER_WAY = 16
_MOST_REFUSALS = 64
_REFUSED_SECONDS = 600.0
"""How long a refusal is remembered: whoever did not wait for it must hear of it when they come back."""
_RETRY_SECONDS = 5.0


class Looks:
    """Those of this process, by the file that their result is remembered in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Path, Future[Summary]] = {}
        self._refusals: OrderedDict[Path, tuple[float, InvalidRequest]] = OrderedDict()

    def at(self, file: Path, look: Callable[[], Summary], patience: float | None) -> Summary:
        """Waits for `patience` seconds. Raises what `look` raises, and Unavailable if it takes longer."""
        with self._lock:
            self._check_refusal(file)
            future = self._under_way.get(file) or self._begin(file, look)
        try:
            return future.result(patience)
        except TimeoutError:
            raise Unavailable(
                "the dataset is large and is still being looked through; ask again",
                retry_after=_RETRY_SECONDS,
            ) from None

    def _begin(self, file: Path, look: Callable[[], Summary]) -> Future[Summary]:
        if len(self._under_way) >= _MOST_UNDER_WAY:
            raise Unavailable(
                "too many datasets are being looked through", retry_after=_RETRY_SECONDS
            )
        future = self._under_way[file] = Future()
        threading.Thread(
            target=self._run, args=(file, look, future), name="look", daemon=True
        ).start()
        return future

    def _run(self, file: Path, look: Callable[[], Summary], future: Future[Summary]) -> None:
        try:
            found = look()
        except Exception as error:
            self._end(file, error if isinstance(error, InvalidRequest) else None)
            future.set_exception(error)
        else:
            self._end(file, None)
            future.set_result(found)

    def _end(self, file: Path, refusal: InvalidRequest | None) -> None:
        with self._lock:
            del self._under_way[file]
            if refusal is not None:
                self._refusals[file] = (time.monotonic(), refusal)
            if len(self._refusals) > _MOST_REFUSALS:
                self._refusals.popitem(last=False)

    def _check_refusal(self, file: Path) -> None:
        when, refusal = self._refusals.get(file, (0.0, None))
        if refusal is None:
            return
        if time.monotonic() - when < _REFUSED_SECONDS:
            raise refusal.with_traceback(None)
        del self._refusals[file]
