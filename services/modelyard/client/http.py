"""HTTP as the client speaks it: what to send, how to read what comes back, how a failure is told."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx2

from modelyard.client.errors import ApiError, DeadlineExceeded, Unavailable, of_problem
from modelyard.client.retrying import Options, out_of_time, retried
from modelyard.client.steps import Reply, Send, Steps

_RETRY_STATUS = {429, 502, 503, 504}
TIMEOUT_OF_CONNECT = 10.0


def get(options: Options, path: str, params: Mapping[str, Any] | None = None) -> Steps[Any]:
    return (yield from call(options, Send("GET", path, _given(params or {}))))


def call(options: Options, send: Send, *, safe: bool = True) -> Steps[Any]:
    """The JSON of the reply; None if it has none."""
    return (yield from retried(options, send, read_json, safe=safe))


def text(options: Options, path: str, params: Mapping[str, Any]) -> Steps[str]:
    send = Send("GET", path, _given(params))
    said: str = yield from retried(options, send, _read_text, safe=True)
    return said


def part(value: object) -> str:
    """A name or number as one part of a path, whatever is in it."""
    return quote(str(value), safe="")


def read_json(reply: Reply) -> Any:
    check(reply)
    if not reply.body:
        return None
    try:
        return json.loads(reply.body)
    except ValueError as error:
        raise Unavailable(
            f"expected JSON, received {reply.body[:80]!r}; is this the address of the jobs API?",
            reason="NOT_JSON",
        ) from error


def check(reply: Reply) -> None:
    """Raises the error that a reply stands for."""
    if reply.status < 400:
        return
    problem = _problem(reply)
    retry_after = _seconds(reply.headers.get("retry-after"))
    if retry_after is None and reply.status in _RETRY_STATUS:
        retry_after = 0.5
    raise of_problem(
        reply.status,
        problem,
        request_id=reply.headers.get("x-request-id") or str(problem.get("request_id") or ""),
        retry_after=retry_after,
    )


def translated(error: Exception, url: str) -> ApiError:
    """The error that a failure of the library stands for."""
    match error:
        case httpx2.ConnectError():
            return Unavailable(f"nothing answers at {url}", reason="UNREACHABLE")
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return DeadlineExceeded(f"{url} did not answer in time", reason="CONNECT_TIMEOUT")
        case httpx2.TimeoutException():
            return out_of_time(url)
        case httpx2.TransportError():
            return Unavailable(f"the connection to {url} broke: {error}", reason="BROKEN")
        case _:
            return Unavailable(f"{url} is not an address: {error}", reason="BAD_ADDRESS")


FAILURES = (httpx2.HTTPError, httpx2.InvalidURL)


def arguments(send: Send) -> dict[str, Any]:
    """What both kinds of the library's clients are given."""
    return {
        "method": send.method,
        "url": send.path,
        "params": dict(send.params) or None,
        "json": send.json,
        "content": send.content,
        "headers": dict(send.headers),
        "timeout": httpx2.Timeout(send.timeout, connect=min(send.timeout, TIMEOUT_OF_CONNECT)),
    }


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None and value != ""}


def _read_text(reply: Reply) -> str:
    check(reply)
    return reply.body.decode("utf-8", "replace")


def _problem(reply: Reply) -> Mapping[str, Any]:
    try:
        body = json.loads(reply.body)
    except ValueError:
        text = reply.body[:200].decode("utf-8", "replace")
        return {"detail": f"HTTP {reply.status}: {text}"}
    return body if isinstance(body, dict) else {}


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
