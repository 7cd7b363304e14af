"""What the metrics of all services share: buckets, and the page that Prometheus scrapes."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

LATENCY_BUCKETS = (
    *(0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05),
    *(0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0),
)
"""Seconds of one call: fine enough that a p99 can be read off."""

DURATION_BUCKETS = (
    0.5,
    1,
    2,
    5,
    10,
    20,
    30,
    60,
    120,
    300,
    600,
    1800,
    3600,
    7200,
    14400,
    43200,
    86400,
)
"""Seconds of a job, or of its waiting."""

Probe = Callable[[], tuple[bool, str]]
"""Answers whether it is so, and why not."""


def serve(
    registry: CollectorRegistry, host: str, port: int, *, ready: Probe = lambda: (True, "ok")
) -> ThreadingHTTPServer:
    """Serves /metrics, /healthz/live and /healthz/ready from a thread; `server_port` tells the port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                case "/healthz/live":
                    self._answer(200, b"ok\n")
                case "/healthz/ready":
                    is_ready, why = ready()
                    self._answer(200 if is_ready else 503, f"{why}\n".encode())
                case _:
                    self._answer(404, b"not found\n")

        def _answer(self, status: int, body: bytes, kind: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((host, port), Page)
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
