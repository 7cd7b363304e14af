"""The jobs API through its own door, over the real store; no worker, so that jobs stay where they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modelyard.cli.embedded import RedisServer
from modelyard.jobs.app import create_app
from modelyard.settings import JobsSettings

REQUEST: dict[str, Any] = {
    "name": "digits",
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "cnn", "filters": [8]},
    "publish": {"model": "digits"},
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("api")
    server = RedisServer(folder / "redis")
    server.start()
    settings = JobsSettings(
        redis_url=server.url,
        home=folder,
        max_body_bytes=100_000,
        max_dataset_bytes=100_000,
        reconcile_seconds=0.2,
    )
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client
    server.stop()


def with_field(path: str, value: Any) -> dict[str, Any]:
    request = json.loads(json.dumps(REQUEST))
    *parents, last = path.split(".")
    here = request
    for parent in parents:
        here = here.setdefault(parent, {})
    here[last] = value
    return request


def test_a_job_is_accepted_shown_listed_and_cancelled(api: TestClient) -> None:
    created = api.post("/v1/jobs", json=REQUEST)
    assert created.status_code == 201
    job = created.json()
    assert job["state"] == "QUEUED"
    assert not job["terminal"]
    assert created.headers["location"] == f"/v1/jobs/{job['id']}"
    assert api.get(f"/v1/jobs/{job['id']}").json()["request"]["network"]["filters"] == [8]
    assert job["id"] in [j["id"] for j in api.get("/v1/jobs?state=QUEUED").json()["jobs"]]
    assert api.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "CANCELLED"
    events = api.get(f"/v1/jobs/{job['id']}/events").text
    assert events.count("event: state") == 2
    assert events.rstrip().split("\n\n")[-1].splitlines()[1] == "event: end"


def test_a_watcher_that_saw_the_end_is_not_kept_waiting(api: TestClient) -> None:
    job = api.post("/v1/jobs", json=REQUEST).json()["id"]
    api.post(f"/v1/jobs/{job}/cancel")
    events = api.get(f"/v1/jobs/{job}/events").text
    last = [line[4:] for line in events.splitlines() if line.startswith("id: ")][-1]
    assert "event:" not in api.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": last}).text


def test_a_dry_run_tells_what_the_request_comes_to_and_queues_nothing(api: TestClient) -> None:
    before = len(api.get("/v1/jobs?limit=500").json()["jobs"])
    answer = api.post("/v1/jobs?dry_run=true", json=REQUEST)
    assert answer.status_code == 200
    checked = answer.json()
    assert checked["rows"] == 1797
    assert checked["features"]["shape"] == [8, 8, 1]
    assert checked["head"] == {"units": 10, "activation": "softmax"}
    assert len(api.get("/v1/jobs?limit=500").json()["jobs"]) == before


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("task.type", "astrology", "task"),
        ("task.labels", "x", "task.labels"),  # an unknown field is a typing error
        ("task.label", "nothing", "task.label"),  # a column that the dataset has not
        ("network.filters", [0], "network.filters[0]"),
        ("network.filters", "many", "network.filters"),
        (
            "network",  # a kernel that is larger than the image
            {"type": "layers", "layers": [{"type": "conv2d", "filters": 1, "kernel_size": 99}]},
            "network.layers[0]",
        ),
        ("training.epochs", 0, "training.epochs"),
        ("training.batch_size", "some", "training.batch_size"),
        ("training.optimizer", "luck", "training.optimizer"),
        ("training.optimizer", {"type": "sgd", "momentum": 2}, "training.optimizer.momentum"),
        ("training.loss", "mse", "training.loss"),  # for numbers, not classes
        ("dataset.source", "/etc/passwd", "dataset.source"),
        ("dataset.source", "file:///etc/passwd", "dataset.source"),
        ("dataset.source", "builtin://../secrets", "dataset.source"),
        ("publish.model", "../../etc", "publish.model"),
        ("publish.model", "", "publish.model"),
        ("publish", None, "publish"),
        ("resources.max_seconds", -1, "resources.max_seconds"),
        ("name", "Ünïcode", "name"),
        ("nonsense", 1, "nonsense"),
        ("network", {"type": "layers", "layers": [{"type": "lambda"}]}, "network.layers[0]"),
        ("network", {"type": "layers", "layers": []}, "network.layers"),
        (
            "network",
            {"type": "layers", "layers": [{"type": "flatten"}, {"type": "dense", "units": 9}]},
            "network.layers[1]",
        ),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_queued(
    api: TestClient, path: str, value: Any, field: str
) -> None:
    before = api.get("/metrics").text.count("modelyard_job_submitted_total")
    answer = api.post("/v1/jobs", json=with_field(path, value))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "INVALID_ARGUMENT"
    assert problem["reason"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert any(v["field"].startswith(field) for v in problem["violations"]), problem
    assert api.get("/metrics").text.count("modelyard_job_submitted_total") == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{}" * 10])
def test_a_body_that_is_no_request_is_refused(api: TestClient, body: bytes) -> None:
    answer = api.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["violations"]


def test_a_body_that_is_too_large_is_refused(api: TestClient) -> None:
    answer = api.post("/v1/datasets", content=b"x" * 100_001)
    assert answer.status_code == 413
    assert answer.json()["reason"] == "REQUEST_TOO_LARGE"

    def drip() -> Iterator[bytes]:
        for _ in range(11):
            yield b"x" * 10_000

    assert api.post("/v1/datasets", content=drip()).status_code == 413
    assert api.get("/v1/datasets").json()["datasets"] == []


def test_an_uploaded_table_is_named_by_its_content(api: TestClient) -> None:
    table = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (i, i % 7, i % 2) for i in range(40))
    first = api.post("/v1/datasets?filename=t.csv", content=table).json()
    assert api.post("/v1/datasets", content=table).json()["digest"] == first["digest"]
    request = {
        "task": {"type": "tabular_classification", "target": "y"},
        "dataset": {"type": "csv", "source": first["uri"]},
        "network": {"type": "dense", "units": [4]},
        "publish": {"model": "t"},
    }
    assert api.post("/v1/jobs?dry_run=true", json=request).json()["rows"] == 40


def test_the_same_key_with_another_request_is_a_conflict(api: TestClient) -> None:
    headers = {"Idempotency-Key": "night"}
    first = api.post("/v1/jobs", json=REQUEST, headers=headers).json()
    assert api.post("/v1/jobs", json=REQUEST, headers=headers).json()["id"] == first["id"]
    other = api.post("/v1/jobs", json=with_field("training.epochs", 3), headers=headers)
    assert (other.status_code, other.json()["reason"]) == (409, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/v1/jobs/nobody", 404, "JOB_NOT_FOUND"),
        ("GET", "/v1/jobs/nobody/events", 404, "JOB_NOT_FOUND"),
        ("POST", "/v1/jobs/nobody/cancel", 404, "JOB_NOT_FOUND"),
        ("GET", "/v1/models/nobody", 404, "MODEL_NOT_FOUND"),
        ("GET", "/v1/models/..%2f..%2fetc", 404, "NO_SUCH_PATH"),
        ("GET", "/v1/nothing", 404, "NO_SUCH_PATH"),
        ("DELETE", "/v1/jobs", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/jobs?limit=0", 400, "INVALID_REQUEST"),
        ("GET", "/v1/jobs?state=HAPPY", 400, "INVALID_REQUEST"),
        ("GET", "/v1/jobs?page_token=xyz", 400, "INVALID_REQUEST"),
    ],
)
def test_every_error_is_a_problem_body(
    api: TestClient, method: str, path: str, status: int, reason: str
) -> None:
    answer = api.request(method, path)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_metrics_and_health_and_schema(api: TestClient) -> None:
    api.post("/v1/jobs", json=REQUEST)
    page = api.get("/metrics").text
    assert 'modelyard_jobs{queue="train",state="QUEUED"}' in page
    assert 'modelyard_job_submitted_total{network="cnn",task="image_classification"}' in page
    assert api.get("/healthz/live").status_code == api.get("/healthz/ready").status_code == 200
    schema = api.get("/v1/schemas/job-request").json()
    assert {"task", "dataset", "network", "training", "publish"} <= schema["properties"].keys()


def test_a_store_that_is_away_is_said_so(tmp_path: Path) -> None:
    settings = JobsSettings(redis_url="redis://127.0.0.1:1/0", home=tmp_path)
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        answer = client.post("/v1/jobs", json=REQUEST)
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert "redis://" not in answer.text
        assert client.get("/healthz/ready").status_code == 503
        assert client.get("/healthz/live").status_code == 200
        assert client.get("/metrics").status_code == 200
