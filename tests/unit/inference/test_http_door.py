"""The HTTP server against clients that mean no good, or are merely slow."""

import gzip
import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.errors import InvalidRequest, ModelyardError
from modelyard.inference.byte_budget import ByteBudget
from modelyard.inference.http_door import HttpDoor, HttpLimits, HttpRequest, HttpResponse
from modelyard.inference.metrics import InferenceMetrics


class Echo:
    """Answers what it is sent; fails, breaks or waits where it is told to."""

    prefix = "/echo"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.has_left: list[bool] = []

    def api_of(self, request: HttpRequest) -> str:
        return "echo"

    def status_of(self, error: ModelyardError) -> int:
        return 400 if isinstance(error, InvalidRequest) else 429 if error.retry_after else 500

    def answer(self, request: HttpRequest) -> HttpResponse:
        match request.path:
            case "/echo/fail":
                raise InvalidRequest("not like this")
            case "/echo/break":
                raise ZeroDivisionError("secret")
            case "/echo/wait":
                self.entered.release()
                assert self.gate.wait(20)
                self.has_left.append(not request.call.is_active())
        return HttpResponse(request.body)


@pytest.fixture
def echo() -> Echo:
    return Echo()


Open = Callable[..., HttpDoor]


@pytest.fixture
def open_door(echo: Echo, metrics: InferenceMetrics) -> Iterator[Open]:
    doors: list[HttpDoor] = []

    def open_(budget: int = 10**6, **limits: Any) -> HttpDoor:
        values: dict[str, Any] = {"connections": 16, "body_bytes": 10_000, "request_seconds": 5.0}
        door = HttpDoor(
            ("127.0.0.1", 0),
            [echo],
            ByteBudget(budget),
            metrics,
            HttpLimits(**(values | limits)),
        )
        door.start()
        doors.append(door)
        return door

    yield open_
    echo.gate.set()
    for door in doors:
        door.stop(5)


def ask(door: HttpDoor, path: str = "/echo", body: bytes = b"", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def told(door: HttpDoor, data: bytes) -> bytes:
    """What comes back for these bytes, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while more := connection.recv(65536):
            received += more
        return received


def test_errors_are_json_and_defects_say_nothing(open_door: Open) -> None:
    door = open_door()
    assert ask(door, body=b"hello") == (200, b"hello")
    assert ask(door, "/echo/fail") == (400, b'{\n    "error": "not like this"\n}')
    status, body = ask(door, "/echo/break")
    assert status == 500
    assert b"secret" not in body
    assert ask(door, "/elsewhere")[0] == 404


def test_a_connection_carries_many_requests(open_door: Open) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", open_door().port, timeout=20)
    for body in (b"one", b"two"):
        connection.request("POST", "/echo", body, {"x-request-id": "mine"})
        answer = connection.getresponse()
        assert (answer.read(), answer.getheader("x-request-id")) == (body, "mine")
    connection.close()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_packed_bodies_are_unpacked_within_the_bound(open_door: Open, encoding: str) -> None:
    door = open_door()
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    assert ask(door, body=pack(b"hello"), Content_Encoding=encoding) == (200, b"hello")
    status, body = ask(door, body=pack(bytes(10_001)), Content_Encoding=encoding)
    assert status == 500  # this protocol has no status of its own for it
    assert b"10000 are read" in body
    assert ask(door, body=b"hello", Content_Encoding=encoding)[0] == 400
    assert ask(door, body=pack(b"hello")[:-3], Content_Encoding=encoding)[0] == 400


def test_large_bodies_are_refused_unread_with_an_answer(open_door: Open) -> None:
    status, body = ask(open_door(), body=bytes(3_000_000))
    assert (status, b"10000 are read" in body) == (500, True)


def test_bodies_in_flight_are_bounded(open_door: Open, echo: Echo) -> None:
    door = open_door(budget=8 * 1000)
    first = threading.Thread(target=ask, args=(door, "/echo/wait", bytes(900)))
    first.start()
    assert echo.entered.acquire(timeout=20)
    assert ask(door, body=bytes(200))[0] == 429
    echo.gate.set()
    first.join()
    assert ask(door, body=bytes(200))[0] == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /echo HTTP/9.9\r\n\r\n", b"505"),
        (b"BREW /echo HTTP/1.1\r\n\r\n", b"501"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET /echo HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n", b"400"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"400"),
        # Two servers in a row could disagree about where such a request ends.
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"501"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort", b"400"),
    ],
)
def test_what_is_no_request_gets_an_answer(
    open_door: Open, request_bytes: bytes, status: bytes
) -> None:
    door = open_door()
    head, _, body = told(door, request_bytes).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert "error" in json.loads(body)
    assert ask(door, body=b"still here") == (200, b"still here")


def test_slow_clients_are_ended_and_hold_up_nobody(open_door: Open) -> None:
    """One byte at a time never runs into the timeout of a single read."""
    door = open_door(request_seconds=0.3)
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as slow:
        slow.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
        began = time.monotonic()
        stop = threading.Event()

        def drip() -> None:
            try:
                while not stop.wait(0.05):
                    slow.sendall(b"x")
            except OSError:
                pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert ask(door, body=b"fast") == (200, b"fast")
        answer = slow.recv(65536)
        stop.set()
        dripping.join()
    assert b"too slowly" in answer
    assert time.monotonic() - began < 5


def test_connections_are_bounded(open_door: Open) -> None:
    door = open_door(connections=1)
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as holder:
        holder.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
        assert b"200" in holder.recv(65536)
        with socket.create_connection(("127.0.0.1", door.port), timeout=20) as other:
            assert other.recv(65536).startswith(b"HTTP/1.1 503")
    deadline = time.monotonic() + 10
    while ask_or_503(door) != 200:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ask_or_503(door: HttpDoor) -> int:
    try:
        return ask(door)[0]
    except OSError:
        return 503


def test_a_call_knows_that_its_caller_left(open_door: Open, echo: Echo) -> None:
    door = open_door()
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as leaving:
        leaving.sendall(b"POST /echo/wait HTTP/1.1\r\n\r\n")
        assert echo.entered.acquire(timeout=20)
    time.sleep(0.05)
    echo.gate.set()
    assert door.stop(10)
    assert echo.has_left == [True]


def test_stop_waits_for_requests(open_door: Open, echo: Echo) -> None:
    door = open_door()
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(ask(door, "/echo/wait", b"late")))
    asking.start()
    assert echo.entered.acquire(timeout=20)
    assert not door.stop(0.05)
    echo.gate.set()
    asking.join()
    assert answers == [(200, b"late")]
    assert door.stop(10)


def test_any_bytes_do_no_harm(open_door: Open) -> None:
    door = open_door(request_seconds=1.0)

    @settings(max_examples=50, deadline=None)
    @given(st.binary(max_size=200), st.booleans())
    def throw(data: bytes, is_line: bool) -> None:
        told(door, (b"POST /echo HTTP/1.1\r\n" if is_line else b"") + data + b"\r\n\r\n")

    throw()
    assert ask(door, body=b"still here") == (200, b"still here")
