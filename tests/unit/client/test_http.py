"""The client over HTTP, against a small server of the standard library that answers as it is told."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelyard.client import Client, Conflict, InvalidRequest, JobFailed, NotFound, Unavailable
from modelyard.client.errors import ApiError
from modelyard.errors import Violation

JOB = {"id": "j1", "state": "QUEUED", "terminal": False, "model": "airline"}


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """Answers one reply after the other, the last one for ever, and remembers what it was asked."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = script.answer(Asked(self.command, self.path, headers, body))
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    yield script
    server.shutdown()
    server.server_close()
    thread.join()


def ok(body: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def problem(status: int, **body: object) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json"})


def test_a_retried_submit_keeps_its_key(script: Script) -> None:
    script.replies = [problem(503, code="UNAVAILABLE"), ok(JOB, 201)]
    with Client(script.url) as client:
        job = client.jobs.submit({"task": {"type": "forecasting"}})

    assert (job.id, job.state) == ("j1", "QUEUED")
    first, second = script.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] != ""
    assert json.loads(second.body) == {"task": {"type": "forecasting"}}


def test_two_submits_have_two_keys(script: Script) -> None:
    script.replies = [ok(JOB, 201)]
    with Client(script.url) as client:
        client.jobs.submit({})
        client.jobs.submit({})
        client.jobs.submit({}, idempotency_key="nightly")
    keys = [asked.headers["idempotency-key"] for asked in script.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "nightly"


def test_violations_reach_the_caller(script: Script) -> None:
    wrong = {"field": "training.epochs", "message": "must be at least 1", "received": 0}
    script.replies = [
        problem(
            422,
            code="INVALID_ARGUMENT",
            reason="INVALID_REQUEST",
            detail="one field is wrong",
            violations=[wrong],
            request_id="r7",
        )
    ]
    with Client(script.url) as client, pytest.raises(InvalidRequest) as caught:
        client.jobs.submit({})

    error = caught.value
    assert error.violations == (Violation("training.epochs", "must be at least 1", None, "0"),)
    assert (error.reason, error.request_id) == ("INVALID_REQUEST", "r7")
    assert len(script.asked) == 1  # what is wrong stays wrong


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (problem(404, code="NOT_FOUND", reason="JOB_NOT_FOUND"), NotFound),
        (problem(409, code="ABORTED"), Conflict),
        (Reply(404, b"<html>not ours</html>"), NotFound),  # of something between us and the service
        (Reply(502, b""), Unavailable),
    ],
)
def test_each_problem_is_its_error(script: Script, reply: Reply, kind: type[ApiError]) -> None:
    script.replies = [reply]
    with Client(script.url, retries=0) as client, pytest.raises(kind):
        client.jobs.get("j1")


def test_nobody_there() -> None:
    with Client("http://127.0.0.1:1", retries=0) as client, pytest.raises(Unavailable) as caught:
        client.jobs.get("j1")
    assert caught.value.reason == "UNREACHABLE"


def test_events_go_on_where_the_connection_broke(script: Script) -> None:
    cut = b'id: 1\nevent: epoch\ndata: {"epoch": 1}\n\nid: 2\nevent: epoch\nda'
    rest = b'id: 2\nevent: epoch\ndata: {"epoch": 2}\n\nid: 3\nevent: end\ndata: {}\n\n'
    stream = {"Content-Type": "text/event-stream"}
    script.replies = [Reply(200, cut, stream), Reply(200, rest, stream)]
    with Client(script.url) as client:
        events = list(client.jobs.events("j1"))

    assert [(event.kind, event.data.get("epoch")) for event in events] == [
        ("epoch", 1),
        ("epoch", 2),
        ("end", None),
    ]
    assert "last-event-id" not in script.asked[0].headers
    assert script.asked[1].headers["last-event-id"] == "1"


def test_a_job_whose_events_were_lost_is_not_watched_for_ever(script: Script) -> None:
    nothing = Reply(200, b": nothing new\n\n", {"Content-Type": "text/event-stream"})
    ended = ok(JOB | {"state": "SUCCEEDED", "terminal": True})
    script.replies = [nothing, ok(JOB), nothing, ended, nothing]
    with Client(script.url) as client:
        assert list(client.jobs.events("j1")) == []
    assert len(script.asked) == 5


def test_waiting_for_a_job_that_fails_says_why(script: Script) -> None:
    failed = JOB | {
        "state": "FAILED",
        "terminal": True,
        "reason": "NAN_LOSS",
        "message": "at step 3",
    }
    script.replies = [ok(JOB), ok(failed)]
    with Client(script.url) as client, pytest.raises(JobFailed, match="at step 3") as caught:
        client.jobs.wait("j1", timeout=30)
    assert caught.value.reason == "NAN_LOSS"


def test_pages_are_followed(script: Script) -> None:
    script.replies = [
        ok({"jobs": [JOB | {"id": "j2"}], "next_page_token": "more"}),
        ok({"jobs": [JOB], "next_page_token": ""}),
    ]
    with Client(script.url) as client:
        assert [job.id for job in client.jobs.list()] == ["j2", "j1"]
    assert "page_token=more" in script.asked[1].path


def test_both_forms_of_a_model(script: Script) -> None:
    listed = {
        "name": "airline",
        "task": "forecasting",
        "versions": [2, 1],
        "aliases": {"stable": 1},
    }
    manifest = {"task": {"type": "forecasting"}, "serving": {"horizon": 12}}
    shown = {
        "name": "airline",
        "aliases": {"stable": 1},
        "versions": [{"version": 2, "manifest": manifest}, {"version": 1, "manifest": None}],
    }
    script.replies = [ok({"models": [listed]}), ok(shown)]
    with Client(script.url) as client:
        [first] = client.models.list()
        second = client.models.get("airline")

    for model in (first, second):
        assert (model.task, model.latest, model.versions) == ("forecasting", 2, (1, 2))
    assert second.serving == {"horizon": 12}
