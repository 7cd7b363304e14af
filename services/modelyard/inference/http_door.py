"""The HTTP server of the REST protocols: bounded threads, bodies and patience; one place where errors become answers.

It reads a whole request, asks the protocol to which the path belongs, and writes the whole answer. The standard
library's server parses; what it leaves open is closed here: how long a client may take for a request, how many may be
connected, and how large a body may be, also once it is unpacked.
"""

import io
import json
import math
import re
import select
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Condition, Thread
from typing import Any, Protocol

from modelyard import logs
from modelyard.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ModelyardError,
    NotFound,
    ResourceExhausted,
    Unimplemented,
)
from modelyard.inference import call
from modelyard.inference.byte_budget import ByteBudget
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.outcome import note_end
from modelyard.inference.status import public
from modelyard.prediction import Call

log = logs.get(__name__)

_IDLE_SECONDS = 60.0
"""How long a connection may be open between two requests, and may take for the line that begins one."""
_WEIGHT = 8
"""JSON of nested lists takes this many times its size in memory while it is read."""
_REQUEST_ID = "x-request-id"
_LENGTH = re.compile("[0-9]{1,18}")
_LINGER_SECONDS = 2.0
_BUSY = b'{"error": "too many connections are open"}'
_BUSY_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BUSY), _BUSY)
)


@dataclass(frozen=True)
class HttpRequest:
    method: str
    path: str
    """Without the query, not yet decoded."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    call: Call


@dataclass(frozen=True)
class HttpResponse:
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpProtocol(Protocol):
    """What is spoken below one path."""

    prefix: str

    def api_of(self, request: HttpRequest) -> str:
        """What the metrics call it: one of few words, whatever the path says."""
        ...

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Raises errors of `modelyard.errors`."""
        ...

    def status_of(self, error: ModelyardError) -> int:
        """The protocol's HTTP status for an error."""
        ...


@dataclass(frozen=True)
class HttpLimits:
    connections: int
    body_bytes: int
    request_seconds: float
    """For a request to arrive, and again for its answer."""


class HttpDoor:
    """Listens from `start` to `stop`."""

    def __init__(
        self,
        address: tuple[str, int],
        protocols: Sequence[HttpProtocol],
        received: ByteBudget,
        metrics: InferenceMetrics,
        limits: HttpLimits,
    ) -> None:
        """Raises OSError if the port is taken."""
        self._protocols = protocols
        self._received = received
        self._metrics = metrics
        self.limits = limits
        self._active = 0
        self._ended = Condition()
        self.is_draining = False
        self._server = _Server(address, self)
        self.port: int = self._server.server_port

    def start(self) -> None:
        Thread(target=self._server.serve_forever, args=(0.05,), name="rest", daemon=True).start()

    def stop(self, seconds: float) -> bool:
        """Takes no more connections; answers whether all requests ended in time."""
        self.is_draining = True
        self._server.shutdown()
        self._server.server_close()
        with self._ended:
            return self._ended.wait_for(lambda: not self._active, seconds)

    def answered(
        self, request: HttpRequest, read: Callable[[], bytes], announced: int
    ) -> HttpResponse:
        """What a request is answered; `read` reads the body, of which so many bytes were announced."""
        protocol = next((p for p in self._protocols if request.path.startswith(p.prefix)), None)
        if protocol is None:
            missing = NotFound(f"there is nothing at {request.path[:200]}", reason="NO_SUCH_PATH")
            return failed(missing, 404)
        request_id = call.request_id(request.headers.get(_REQUEST_ID, ""))
        with logs.bind(request_id=request_id), self._counted():
            response = self._noted(protocol, request, read, announced)
        headers = {**response.headers, _REQUEST_ID: request_id}
        return HttpResponse(response.body, response.status, response.content_type, headers)

    def _noted(
        self,
        protocol: HttpProtocol,
        request: HttpRequest,
        read: Callable[[], bytes],
        announced: int,
    ) -> HttpResponse:
        started = time.monotonic()
        subject = call.begin()
        failure: Exception | None = None
        try:
            with self._metrics.in_flight.track_inprogress():
                response = self._asked(protocol, request, read, announced)
        except Exception as error:  # the one place where everything that is raised is translated
            failure = error
            known = public(error)
            response = failed(known, protocol.status_of(known))
        note_end(
            self._metrics, protocol.api_of(request), subject, time.monotonic() - started, failure
        )
        return response

    def _asked(
        self,
        protocol: HttpProtocol,
        request: HttpRequest,
        read: Callable[[], bytes],
        announced: int,
    ) -> HttpResponse:
        limit = self.limits.body_bytes
        if announced > limit:
            raise _too_large(announced, limit)
        with self._received.reserve(announced * _WEIGHT) as reservation:
            packed = read()
            body = _unpacked(packed, request.headers.get("content-encoding", ""), limit)
            if len(body) > len(packed):
                reservation.release()
                with self._received.reserve(len(body) * _WEIGHT):
                    return protocol.answer(_with_body(request, body))
            return protocol.answer(_with_body(request, body))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._ended:
            self._active += change
            self._ended.notify_all()


def failed(error: ModelyardError, status: int) -> HttpResponse:
    body = json.dumps({"error": error.message}, indent=4)
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return HttpResponse(body.encode("utf-8", "replace"), status, headers=headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], door: HttpDoor) -> None:
        self.door = door
        self._places = BoundedSemaphore(door.limits.connections)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self._turn_away(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be had
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("connection_failed", exc_info=True)

    def _turn_away(self, request: Any) -> None:
        with suppress(OSError):
            request.setblocking(False)
            request.send(_BUSY_ANSWER)
        self.shutdown_request(request)


class _Patience(io.RawIOBase):
    """Reads from a socket until a moment, however slowly the bytes come. Raises TimeoutError then."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until = math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request came too slowly")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Connection(BaseHTTPRequestHandler):
    server: _Server
    _headers_buffer: list[bytes]  # of the standard library
    protocol_version = "HTTP/1.1"
    server_version = "modelyard"
    sys_version = ""
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._patience = _Patience(self.connection)
        self.rfile = io.BufferedReader(self._patience)

    def handle_one_request(self) -> None:
        self._patience.until = time.monotonic() + _IDLE_SECONDS
        super().handle_one_request()

    def parse_request(self) -> bool:
        self._patience.until = time.monotonic() + self.server.door.limits.request_seconds
        is_request = super().parse_request()
        self._is_read = True
        return is_request

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Called by the standard library for what is no HTTP; its own answer would be a page."""
        text = message or self.responses.get(code, ("error", ""))[0]
        self.close_connection = True
        self._write(HttpResponse(json.dumps({"error": text}).encode(), code))

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, *, with_body: bool = True) -> None:
        try:
            announced = self._announced()
        except ModelyardError as error:
            self.close_connection = True
            self._write(failed(error, 501 if isinstance(error, Unimplemented) else 400))
            return
        self._is_read = announced == 0
        deadline = time.monotonic() + self.server.door.limits.request_seconds
        request = HttpRequest(
            self.command,
            self.path.partition("?")[0],
            {name.lower(): value for name, value in self.headers.items()},
            b"",
            Call(deadline, self._is_there),
        )
        response = self.server.door.answered(request, lambda: self._read(announced), announced)
        if not self._is_read or self.server.door.is_draining:
            self.close_connection = True
        self._write(response, with_body=with_body)
        if not self._is_read:
            self._linger()

    def _linger(self) -> None:
        """Lets a client that is still sending read its answer: closing at once would reset the connection."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self._patience.until = time.monotonic() + _LINGER_SECONDS
            while self.rfile.read1(65536):
                pass

    def _announced(self) -> int:
        """The bytes of the body. Anything that two servers could read in two ways is refused."""
        if self.headers.get_all("Transfer-Encoding"):
            raise Unimplemented(
                "Transfer-Encoding is not served; send Content-Length", reason="NO_LENGTH"
            )
        lengths = self.headers.get_all("Content-Length") or ["0"]
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise InvalidRequest("Content-Length is not one number", reason="NO_LENGTH")
        return int(lengths[0])

    def _read(self, size: int) -> bytes:
        if self._is_read:
            return b""
        try:
            body = self.rfile.read(size)
        except TimeoutError as error:
            raise DeadlineExceeded(
                "the body of the request came too slowly", reason="BODY_TIMEOUT"
            ) from error
        if len(body) < size:
            raise InvalidRequest("the body ended early", reason="MALFORMED_REQUEST")
        self._is_read = True
        return body

    def _write(self, response: HttpResponse, *, with_body: bool = True) -> None:
        self.request_version = self.protocol_version  # what is no HTTP is answered in it
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        # In one piece, whose time is bounded however slowly the client reads.
        self.connection.settimeout(self.server.door.limits.request_seconds)
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer = []
        self.wfile.write(head + response.body if with_body else head)

    def _is_there(self) -> bool:
        """Whether the caller has not hung up."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        if not poll.poll(0):
            return True
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False


def _with_body(request: HttpRequest, body: bytes) -> HttpRequest:
    return HttpRequest(request.method, request.path, request.headers, body, request.call)


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding, of which little may become much."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "deflate":
            unpack = zlib.decompressobj(32 + zlib.MAX_WBITS)
        case _:
            raise InvalidRequest.of(
                "Content-Encoding", "is not known", expected="gzip or deflate", received=encoding
            )
    try:
        plain = unpack.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidRequest(
            f"the body is not {encoding}: {error}", reason="MALFORMED_REQUEST"
        ) from error
    if len(plain) > limit:
        raise _too_large(len(plain), limit)
    if not unpack.eof:
        raise InvalidRequest("the body ended early", reason="MALFORMED_REQUEST")
    return plain


def _too_large(size: int, limit: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"the body has {size} bytes or more, and {limit} are read", reason="INPUTS_TOO_LARGE"
    )
