"""What anybody may send, and that every refusal says which request it was."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modelyard.jobs import json_body
from modelyard.jobs.app import create_app
from modelyard.settings import JobsSettings

JSON = {"Content-Type": "application/json"}


def refused(answer: Any, status: int, reason: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["reason"] == reason
    assert problem["request_id"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    "body",
    [
        '{"name": ' * 100_000,
        "[" * 65 + "]" * 65,
        '{"training": {"seed": NaN}}',
        '{"training": {"optimizer": {"type": "adam", "learning_rate": 1e999}}}',
        '{"training": {"epochs": ' + "9" * 5000 + "}}",
        '{"name": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"name": "a"',
        "{'name': 1}",
    ],
    ids=lambda body: body[:30],
)
def test_json_that_is_none_is_refused_before_it_is_looked_at(yard: Any, body: str) -> None:
    answer = yard.api.post("/v1/jobs", content=body, headers=JSON)
    problem = refused(answer, 400, "INVALID_REQUEST")
    assert problem["violations"][0]["field"] == "body"


def test_brackets_in_a_text_are_no_nesting(yard: Any, digits: dict[str, Any]) -> None:
    column = "[" * 150 + '\\"{'
    answer = yard.api.post("/v1/jobs", json=digits | {"task": {**digits["task"], "label": column}})
    assert refused(answer, 400, "INVALID_REQUEST")["violations"][0]["field"] == "task.label"


def test_json_of_more_than_four_megabytes_is_refused_whatever_length_it_claims(yard: Any) -> None:
    def drip() -> Any:
        for _ in range(5):
            yield b" " * 1024 * 1024

    refused(yard.api.post("/v1/jobs", content=drip(), headers=JSON), 413, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "a/b/c"])
def test_a_form_of_a_web_page_is_no_request(yard: Any, digits: dict[str, Any], kind: str) -> None:
    answer = yard.api.post("/v1/jobs", content=json.dumps(digits), headers={"Content-Type": kind})
    assert refused(answer, 400, "INVALID_REQUEST")["violations"][0]["field"] == "Content-Type"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/nothing", 404, "NO_SUCH_PATH"),
        ("GET", "/v1/jobs/", 404, "NO_SUCH_PATH"),
        ("GET", "/v1/jobs/nobody", 404, "JOB_NOT_FOUND"),
        ("POST", "/v1/jobs/nobody/retry", 404, "JOB_NOT_FOUND"),
        ("GET", "/v1/jobs/nobody/metrics", 404, "JOB_NOT_FOUND"),
        ("GET", "/v1/models/a/versions/0", 400, "INVALID_REQUEST"),
        ("GET", "/v1/models/a/versions/1", 404, "MODEL_NOT_FOUND"),
        ("DELETE", "/v1/models/a/versions/1", 404, "MODEL_NOT_FOUND"),
        ("PUT", "/v1/jobs", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/jobs?limit=x", 400, "INVALID_REQUEST"),
    ],
)
def test_every_refusal_carries_the_id_of_its_request(
    yard: Any, method: str, path: str, status: int, reason: str
) -> None:
    refused(yard.api.request(method, path), status, reason)


def test_the_id_of_a_request_is_the_callers_if_it_is_plain(yard: Any) -> None:
    for given, kept in [("night-7", True), ("a b", False), ("x" * 200, False), ("<b>", False)]:
        answer = yard.api.get("/v1/jobs", headers={"X-Request-Id": given})
        assert (answer.headers["x-request-id"] == given) is kept


class TestNames:
    """DNS rebinding, and forms of other sites."""

    @pytest.fixture
    def api(self, tmp_path: Path) -> TestClient:
        hosts = "yard.example.com, other.example.com"
        settings = JobsSettings(
            home=tmp_path, allowed_hosts=hosts, redis_url="redis://127.0.0.1:1/0"
        )
        return TestClient(create_app(settings))

    @pytest.mark.parametrize(
        "host",
        [
            "localhost:7070",
            "127.0.0.1:7070",
            "[::1]:7070",
            "10.1.2.3",
            "jobs:7070",
            "a.localhost",
            "YARD.example.com:443",
            "other.example.com.",
        ],
    )
    def test_names_of_ours(self, api: TestClient, host: str) -> None:
        assert api.get("/v1/schemas/job-request", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "yard.example.com.evil.example",
            "127.0.0.1.evil.example",
            "",
            "[",
            "a@b.c",
        ],
    )
    def test_names_of_others(self, api: TestClient, host: str) -> None:
        answer = api.get("/v1/schemas/job-request", headers={"Host": host})
        problem = refused(answer, 421, "HOST_NOT_ALLOWED")
        assert problem["violations"][0]["field"] == "Host"

    def test_orchestrators_ask_as_they_like(self, api: TestClient) -> None:
        assert api.get("/healthz/live", headers={"Host": "pod.evil.example"}).status_code == 200

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "file://"])
    def test_a_page_of_others_changes_nothing(self, api: TestClient, origin: str) -> None:
        answer = api.post("/v1/jobs/a/cancel", headers={"Origin": origin})
        assert refused(answer, 421, "HOST_NOT_ALLOWED")["violations"][0]["field"] == "Origin"

    def test_our_own_page_may(self, api: TestClient) -> None:
        headers = {"Origin": "http://localhost:7070"}
        # It comes as far as the store, which is away.
        assert api.post("/v1/jobs/a/cancel", headers=headers).status_code == 503

    def test_a_star_opens_all(self, tmp_path: Path) -> None:
        settings = JobsSettings(home=tmp_path, allowed_hosts="*", redis_url="redis://127.0.0.1:1/0")
        api = TestClient(create_app(settings))
        headers = {"Host": "evil.example", "Origin": "https://evil.example"}
        assert api.get("/v1/schemas/job-request", headers=headers).status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_body, "BODY_SECONDS", 0.05)
    app = create_app(JobsSettings(home=tmp_path, redis_url="redis://127.0.0.1:1/0"))
    sent: list[Any] = []
    begun = [{"type": "http.request", "body": b'{"name": ', "more_body": True}]

    async def receive() -> Any:
        if begun:
            return begun.pop()
        await asyncio.sleep(60)
        raise AssertionError("waited for the rest")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/jobs",
        "raw_path": b"/v1/jobs",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "server": ("127.0.0.1", 7070),
    }
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 10))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["reason"] == "BODY_TIMEOUT"
