"""The HTTP door of the fake: the same paths, bodies and problems as the jobs API."""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from modelyard.errors import Violation
from modelyard.testing import fake_datasets
from modelyard.testing.fake_datasets import FakeDatasets
from modelyard.testing.fake_errors import Refused, invalid, not_found
from modelyard.testing.fake_jobs import FakeJobs
from modelyard.testing.fake_models import FakeModels
from modelyard.testing.fake_troubles import FakeTroubles

_HEARTBEAT = 0.5  # seconds; whoever closes the fake waits this long at most for its streams


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise invalid(Violation("body", f"is not JSON: {error}")) from error
        if not isinstance(body, dict):
            raise invalid(Violation("body", "expected an object"))
        return body

    def flag(self, name: str, default: bool = False) -> bool:
        return self.query.get(name, str(default)).lower() in ("true", "1")


@dataclass(frozen=True)
class Answer:
    body: Any = None
    """Sent as JSON; bytes as they are; an iterator of bytes as a stream that closes the connection."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[..., Answer]


class Api:
    """What the paths do."""

    def __init__(
        self, jobs: FakeJobs, models: FakeModels, datasets: FakeDatasets, troubles: FakeTroubles
    ) -> None:
        self._jobs = jobs
        self._models = models
        self._datasets = datasets
        self._troubles = troubles
        job, model, data = "/v1/jobs/([^/]+)", "/v1/models/([^/]+)", "/v1/datasets/([^/]+)"
        data_or_builtin = "/v1/datasets/(builtin/[^/]+|[^/]+)"
        self._routes: list[tuple[str, str, Route]] = [
            ("POST", "/v1/jobs", self._submit),
            ("GET", "/v1/jobs", self._list_jobs),
            ("GET", job, self._get_job),
            ("POST", f"{job}/cancel", self._cancel),
            ("POST", f"{job}/retry", self._retry),
            ("POST", f"{job}/clone", self._clone),
            ("GET", f"{job}/events", self._events),
            ("GET", f"{job}/logs", self._logs),
            ("GET", f"{job}/metrics", self._metrics),
            ("GET", "/v1/workers", self._workers),
            ("GET", "/v1/schemas/job-request", self._request_schema),
            ("POST", "/v1/datasets", self._upload),
            ("GET", "/v1/datasets", self._list_datasets),
            ("GET", "/v1/datasets/builtin", self._list_builtin),
            ("GET", f"{data_or_builtin}/schema", self._schema),
            ("GET", f"{data_or_builtin}/preview", self._preview),
            ("GET", data, self._get_dataset),
            ("DELETE", data, self._delete_dataset),
            ("POST", "/v1/uploads", self._begin_upload),
            ("PATCH", "/v1/uploads/([^/]+)", self._append),
            ("GET", "/v1/uploads/([^/]+)", self._get_upload),
            ("DELETE", "/v1/uploads/([^/]+)", self._abort_upload),
            ("GET", "/v1/models", self._list_models),
            ("GET", model, self._get_model),
            ("GET", rf"{model}/versions/(\d+)", self._get_version),
            ("DELETE", rf"{model}/versions/(\d+)", self._delete_version),
            ("PUT", f"{model}/aliases/([^/]+)", self._set_alias),
            ("DELETE", f"{model}/aliases/([^/]+)", self._remove_alias),
        ]

    def answer(self, request: Request) -> Answer:
        self._troubles.meet(f"{request.method} {request.path}")
        for method, pattern, route in self._routes:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return route(request, *map(unquote, found.groups()))
        raise not_found("path", request.path, "NO_SUCH_PATH")

    # ---- jobs

    def _submit(self, request: Request) -> Answer:
        return self._take(request.json, request, "")

    def _retry(self, request: Request, id: str) -> Answer:
        return self._take(dict(self._jobs.get(id).request), request, id)

    def _clone(self, request: Request, id: str) -> Answer:
        return self._take(merged(self._jobs.get(id).request, request.json), request, id)

    def _take(self, body: dict[str, Any], request: Request, parent: str) -> Answer:
        if request.flag("dry_run"):
            self._jobs.check(body)
            return Answer(_report(body))
        key = request.headers.get("idempotency-key", "")
        record = self._jobs.submit(body, f"{parent} {key}" if key and parent else key)
        return Answer(record, 201, {"Location": f"/v1/jobs/{record['id']}"})

    def _list_jobs(self, request: Request) -> Answer:
        wanted = {name: request.query.get(name, "") for name in ("state", "model", "name", "task")}
        limit = int(request.query.get("limit", "50"))
        jobs, token = self._jobs.page(wanted, limit, request.query.get("page_token", ""))
        return Answer({"jobs": jobs, "next_page_token": token})

    def _get_job(self, request: Request, id: str) -> Answer:
        return Answer(self._jobs.get(id).record(time.time()))

    def _cancel(self, request: Request, id: str) -> Answer:
        return Answer(self._jobs.cancel(id))

    def _events(self, request: Request, id: str) -> Answer:
        self._jobs.get(id)
        after = _number(request.headers.get("last-event-id", "0").partition("-")[0])
        stream = self._event_stream(id, after)
        return Answer(self._troubles.cut(stream), headers={"Content-Type": "text/event-stream"})

    def _event_stream(self, id: str, after: int) -> Iterator[bytes]:
        quiet_since = time.monotonic()
        while True:
            job, now = self._jobs.get(id), time.time()
            for number, happening in job.happened(now):
                if number > after:
                    yield _frame(f"{number}-0", happening.event, happening.data)
                    after, quiet_since = number, time.monotonic()
            if job.is_over(now):
                return
            if time.monotonic() - quiet_since > _HEARTBEAT:
                yield b": nothing new\n\n"
                quiet_since = time.monotonic()
            self._jobs.wait_for_news(_HEARTBEAT)

    def _logs(self, request: Request, id: str) -> Answer:
        job = self._jobs.get(id)
        if not request.flag("follow", True):
            text = "".join(f"{line}\n" for line in job.log(time.time()))
            return Answer(text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})
        sent = _number(request.headers.get("last-event-id", "").partition("-")[2])
        stream = self._troubles.cut(self._log_stream(id, sent))
        return Answer(stream, headers={"Content-Type": "text/event-stream"})

    def _log_stream(self, id: str, sent: int) -> Iterator[bytes]:
        """Resumes by byte offset, as the service does: `sent` bytes of the log were seen."""
        while True:
            job, now, offset = self._jobs.get(id), time.time(), 0
            for line in job.log(now):
                offset += len(line.encode()) + 1
                if offset > sent:
                    yield _frame(f"1-{offset}", "log", {"attempt": 1, "line": line})
                    sent = offset
            if job.is_over(now):
                yield _frame(f"1-{sent}", "end", {})
                return
            yield b": nothing new\n\n"
            self._jobs.wait_for_news(_HEARTBEAT)

    def _metrics(self, request: Request, id: str) -> Answer:
        names = ("attempt", "epoch", "seconds", "examples_per_second", "logs")
        epochs = [
            {name: happening.data[name] for name in names}
            for _, happening in self._jobs.get(id).happened(time.time())
            if happening.event == "epoch"
        ]
        return Answer({"epochs": epochs})

    def _workers(self, request: Request) -> Answer:
        seen = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        worker = {"name": "fake-worker", "state": "idle", "seen_at": seen, "job": ""}
        return Answer({"workers": [worker | {"queue": "train", "device": "cpu"}]})

    def _request_schema(self, request: Request) -> Answer:
        required = ["task", "dataset", "network", "publish"]
        names = ("name", *required, "training", "resources")
        properties: dict[str, Any] = {name: {} for name in names}
        return Answer({"title": "JobRequest", "properties": properties, "required": required})

    # ---- datasets

    def _upload(self, request: Request) -> Answer:
        return Answer(self._datasets.put(request.body, request.query.get("filename", "")), 201)

    def _list_datasets(self, request: Request) -> Answer:
        return Answer({"datasets": self._datasets.all()})

    def _list_builtin(self, request: Request) -> Answer:
        return Answer({"datasets": fake_datasets.builtin()})

    def _get_dataset(self, request: Request, digest: str) -> Answer:
        return Answer(self._datasets.info(digest, self._users_of(digest)))

    def _delete_dataset(self, request: Request, digest: str) -> Answer:
        self._datasets.delete(digest, self._users_of(digest))
        return Answer(status=204)

    def _users_of(self, digest: str) -> list[str]:
        jobs, _ = self._jobs.page({}, 1_000_000, "")
        uri = f"dataset://{digest}"
        return [
            job["id"]
            for job in jobs
            if not job["terminal"] and job["request"]["dataset"].get("source") == uri
        ]

    def _rows(self, request: Request, source: str) -> list[dict[str, Any]]:
        query = request.query
        return self._datasets.rows(source, query.get("type", ""), query.get("delimiter", ""))

    def _schema(self, request: Request, source: str) -> Answer:
        return Answer(fake_datasets.schema(self._rows(request, source)))

    def _preview(self, request: Request, source: str) -> Answer:
        most = int(request.query.get("rows", "20"))
        return Answer({"rows": self._rows(request, source)[:most]})

    def _begin_upload(self, request: Request) -> Answer:
        body = request.json
        upload = self._datasets.begin(
            str(body.get("filename") or ""), int(body["bytes"]), body.get("sha256")
        )
        return Answer(upload, 201, {"Location": f"/v1/uploads/{upload['id']}"})

    def _append(self, request: Request, id: str) -> Answer:
        offset = _number(request.headers.get("upload-offset", ""))
        return Answer(self._datasets.append(id, offset, request.body))

    def _get_upload(self, request: Request, id: str) -> Answer:
        return Answer(self._datasets.upload(id))

    def _abort_upload(self, request: Request, id: str) -> Answer:
        self._datasets.abort(id)
        return Answer(status=204)

    # ---- models

    def _list_models(self, request: Request) -> Answer:
        self._jobs.page({}, 1, "")  # what ended is published
        return Answer({"models": [model.summary() for model in self._models.all()]})

    def _get_model(self, request: Request, name: str) -> Answer:
        self._jobs.page({}, 1, "")
        return Answer(self._models.get(name).described())

    def _get_version(self, request: Request, name: str, version: str) -> Answer:
        return Answer(self._models.get(name).version(int(version)))

    def _delete_version(self, request: Request, name: str, version: str) -> Answer:
        self._models.delete_version(name, int(version))
        return Answer(status=204)

    def _set_alias(self, request: Request, name: str, alias: str) -> Answer:
        return Answer(self._models.set_alias(name, alias, int(request.json["version"])))

    def _remove_alias(self, request: Request, name: str, alias: str) -> Answer:
        return Answer(self._models.remove_alias(name, alias))


class HttpServer(ThreadingHTTPServer):
    """On a free port of this machine."""

    daemon_threads = True

    def __init__(self, api: Api) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _api(self) -> Api:
        assert isinstance(self.server, HttpServer)
        return self.server.api

    def _handle(self) -> None:
        request_id = self.headers.get("x-request-id") or secrets.token_hex(8)
        try:
            answer = self._api.answer(self._request())
        except Refused as error:
            self._refuse(error, request_id)
            return
        try:
            self._send(answer, request_id)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the watcher has left

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _request(self) -> Request:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        return Request(self.command, url.path, query, headers, body)

    def _refuse(self, error: Refused, request_id: str) -> None:
        headers = {"Content-Type": "application/problem+json", **error.headers}
        if error.retry_after is not None:
            headers["Retry-After"] = f"{error.retry_after:g}"
        self._send(Answer(error.problem(request_id), error.http_status, headers), request_id)

    def _send(self, answer: Answer, request_id: str) -> None:
        self.send_response(answer.status)
        self.send_header("x-request-id", request_id)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.body, Iterator):
            self.send_header("Connection", "close")
            self.end_headers()
            for chunk in answer.body:
                self.wfile.write(chunk)
            self.close_connection = True
            return
        body = b"" if answer.status == 204 else _bytes(answer.body)
        if not isinstance(answer.body, bytes) and body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass  # a test has enough to say


def merged(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """MergePatch of RFC 7396."""
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            result[name] = merged(result.get(name), value)
        else:
            result[name] = value
    return result


def _report(body: Mapping[str, Any]) -> dict[str, Any]:
    is_classification = str(body["task"]["type"]).endswith("classification")
    layer = {"type": "dense", "output_shape": [2], "parameters": 34}
    return {
        "valid": True,
        "rows": 100,
        "parameters": 34,
        "features": {"kind": "table", "shape": [16], "vocabulary": None},
        "head": {"units": 2, "activation": "softmax" if is_classification else "linear"},
        "classes": ["a", "b"] if is_classification else None,
        "layers": [layer],
        "warnings": [],
    }


def _frame(id: str, event: str, data: Mapping[str, Any]) -> bytes:
    return f"id: {id}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode()


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, default=str).encode()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
