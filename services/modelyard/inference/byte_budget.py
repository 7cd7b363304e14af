"""How many bytes of inputs may be held at once, of all models together."""

from threading import Lock

from prometheus_client import Gauge

from modelyard.errors import ResourceExhausted

_RETRY_SECONDS = 0.1


class ByteBudget:
    def __init__(self, limit: int, gauge: Gauge | None = None) -> None:
        self._limit = limit
        self._gauge = gauge
        self._held = 0
        self._lock = Lock()

    @property
    def held(self) -> int:
        return self._held

    def reserve(self, size: int) -> "Reservation":
        """Raises ResourceExhausted, with a time to try again unless it can never fit."""
        if size > self._limit:
            raise ResourceExhausted(
                f"the inputs take {size} bytes, and this service holds {self._limit} at most",
                reason="INPUTS_TOO_LARGE",
            )
        with self._lock:
            if self._held + size > self._limit:
                raise ResourceExhausted(
                    f"{self._held} bytes of inputs are being worked on; "
                    f"{size} more would be above {self._limit}",
                    reason="BYTES_IN_FLIGHT",
                    retry_after=_RETRY_SECONDS,
                )
            self._change(size)
        return Reservation(self, size)

    def give_back(self, size: int) -> None:
        with self._lock:
            self._change(-size)

    def _change(self, size: int) -> None:
        self._held += size
        if self._gauge is not None:
            self._gauge.set(self._held)


class Reservation:
    """Bytes that are held until `release`, or until nobody knows of the reservation any more."""

    def __init__(self, budget: ByteBudget, size: int) -> None:
        self._budget = budget
        self._size = size

    def release(self) -> None:
        size, self._size = self._size, 0
        if size:
            self._budget.give_back(size)

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        # gRPC may drop a request that was read and never handed to its servicer.
        self.release()
