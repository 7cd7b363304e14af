"""How the client speaks HTTP: one connection pool, deadlines, and retries where they are safe."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from modelyard.client.errors import ApiError, DeadlineExceeded, Unavailable, of_problem

_RETRY_STATUS = {429, 502, 503, 504}


class Http:
    """`retries` is how often a safe call that found nobody, or a busy service, is tried again."""

    def __init__(self, url: str, *, timeout: float, retries: int) -> None:
        self.url = url.rstrip("/")
        self._retries = retries
        # The environment's proxies are for the outside world, not for a service named by its address.
        self._client = httpx2.Client(base_url=self.url, timeout=timeout, trust_env=False)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self.call("GET", path, params=params, safe=True)

    def call(self, method: str, path: str, *, safe: bool, **request: Any) -> Any:
        """The JSON of the answer. `safe`: calling twice does the same as calling once."""
        attempts = 1 + (self._retries if safe else 0)
        for attempt in range(attempts):
            try:
                return self._once(method, path, request)
            except ApiError as error:
                if attempt + 1 == attempts or not _passes(error):
                    raise
                time.sleep(backoff(attempt, error.retry_after))
        raise AssertionError("unreachable")

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], silence: float
    ) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on; `silence` is how many seconds may pass without one."""
        timeout = httpx2.Timeout(10.0, read=silence)
        with (
            self._translated(),
            self._client.stream("GET", path, headers=dict(headers), timeout=timeout) as response,
        ):
            if response.is_error:
                response.read()
            _check(response)
            yield response.iter_lines()

    def close(self) -> None:
        self._client.close()

    def _once(self, method: str, path: str, request: Mapping[str, Any]) -> Any:
        with self._translated():
            response = self._client.request(method, path, **request)
        _check(response)
        return response.json()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx2.ConnectError as error:
            raise Unavailable(f"nothing answers at {self.url}", reason="UNREACHABLE") from error
        except httpx2.TimeoutException as error:
            raise DeadlineExceeded(f"{self.url} did not answer in time") from error
        except httpx2.TransportError as error:
            raise Unavailable(f"the connection to {self.url} broke: {error}") from error
        except httpx2.InvalidURL as error:
            raise Unavailable(f"{self.url} is not an address: {error}") from error


def backoff(attempt: int, asked: float | None = None) -> float:
    """Seconds before try `attempt` + 1: what the service asks for, else doubling, with full jitter."""
    if asked is not None:
        return min(asked, 30.0)
    return random.uniform(0.1, min(8.0, 0.5 * 2**attempt))  # noqa: S311 - no secret


def _passes(error: ApiError) -> bool:
    """Whether the same call may succeed a little later."""
    return isinstance(error, Unavailable) or error.retry_after is not None


def _check(response: httpx2.Response) -> None:
    if not response.is_error:
        return
    retry_after = _seconds(response.headers.get("retry-after"))
    if retry_after is None and response.status_code in _RETRY_STATUS:
        retry_after = 0.5
    raise of_problem(
        response.status_code,
        _problem(response),
        request_id=response.headers.get("x-request-id", "")
        or _problem(response).get("request_id", ""),
        retry_after=retry_after,
    )


def _problem(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {"detail": f"HTTP {response.status_code}: {response.text[:200]}"}
    return body if isinstance(body, dict) else {}


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
