"""What the client may rely on, asked of the fake and of the real stack: whoever tests with the fake tests the truth.

The tests build on one another's job: training it once is what takes the time.
"""

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from modelyard.client import (
    AlreadyExists,
    AsyncClient,
    Client,
    FailedPrecondition,
    InvalidRequest,
    Job,
    JobCancelled,
    NotFound,
)
from modelyard.client.address import Address

REQUEST = {
    "name": "tiny",
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "dense", "units": [16]},
    "training": {"epochs": 2, "batch_size": 128, "seed": 7},
    "publish": {"model": "tiny", "aliases": ["stable"]},
}
IMAGES = sorted(Path("examples/digits").glob("*.png"))
DIGITS = {str(digit) for digit in range(10)}
CSV = b"age,plan\n" + b"41,basic\n29,plus\n" * 20


@pytest.fixture(scope="session")
def trained(place: Address) -> Job:
    """One job that has ended, and whose version answers."""
    with Client(place.url, place.grpc, timeout=60) as client:
        job = client.jobs.submit(REQUEST, idempotency_key="contract")
        done = client.jobs.wait(job.id, timeout=100)
        give_up = time.monotonic() + 60
        while not client.model("tiny").is_served():
            assert time.monotonic() < give_up, "the published version is never served"
            time.sleep(0.1)
        return done


def test_the_record_of_a_job(client: Client, trained: Job) -> None:
    job = client.jobs.get(trained.id)
    assert (job.name, job.state, job.model, job.version) == ("tiny", "SUCCEEDED", "tiny", 1)
    assert (job.terminal, job.epoch, job.epochs, job.attempt) == (True, 2, 2, 1)
    assert job.metrics
    assert job.baseline
    assert job.raw["request"]["publish"]["model"] == "tiny"
    assert job.raw["created_at"] <= job.raw["started_at"] <= job.raw["finished_at"]


def test_the_events_of_a_job(client: Client, trained: Job) -> None:
    events = list(client.jobs.events(trained.id))
    states = [event.data["state"] for event in events if event.kind == "state"]
    assert states == ["QUEUED", "STARTING", "VALIDATING", "RUNNING", "PUBLISHING", "SUCCEEDED"]
    epochs = [event.data for event in events if event.kind == "epoch"]
    assert [(epoch["epoch"], epoch["epochs"]) for epoch in epochs] == [(1, 2), (2, 2)]
    assert all({"loss", "val_loss"} <= set(epoch["logs"]) for epoch in epochs)
    assert (events[-1].kind, events[-1].data["state"]) == ("end", "SUCCEEDED")
    assert len({event.id for event in events}) == len(events)
    assert list(client.jobs.events(trained.id, after=events[2].id)) == events[3:]


def test_the_logs_and_metrics_of_a_job(client: Client, trained: Job) -> None:
    lines = list(client.jobs.logs(trained.id))
    assert [str(line) for line in lines] == [
        str(line) for line in client.jobs.logs(trained.id, follow=False)
    ]
    if lines:
        assert list(client.jobs.logs(trained.id, after=lines[0].id)) == lines[1:]
        assert {line.attempt for line in lines} == {1}
    epochs = client.jobs.metrics(trained.id)
    assert [(epoch.attempt, epoch.epoch) for epoch in epochs] == [(1, 1), (1, 2)]
    assert all((epoch.seconds or 0) > 0 and "loss" in epoch.logs for epoch in epochs)


def test_the_same_key_is_the_same_job(client: Client, trained: Job) -> None:
    assert client.jobs.submit(REQUEST, idempotency_key="contract").id == trained.id
    with pytest.raises(AlreadyExists) as caught:
        client.jobs.submit(REQUEST | {"name": "other"}, idempotency_key="contract")
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_lists_and_their_filters(client: Client, trained: Job) -> None:
    for wanted in (
        {"model": "tiny"},
        {"state": "SUCCEEDED"},
        {"task": "image_classification"},
        {"name": "tiny"},
    ):
        assert trained.id in {job.id for job in client.jobs.list(**wanted)}, wanted
    assert list(client.jobs.list(model="nobody-has-this")) == []
    page = client.jobs.page(limit=1)
    assert len(page.jobs) == 1


def test_a_job_is_cancelled(client: Client) -> None:
    endless = REQUEST | {"training": {"epochs": 5000}, "publish": {"model": "never"}}
    job = client.jobs.submit(endless).cancel()
    with pytest.raises(JobCancelled):
        job.wait(timeout=60)
    assert client.jobs.cancel(job.id).state == "CANCELLED"  # again is harmless


def test_again_and_again_with_changes(client: Client, trained: Job) -> None:
    again = client.jobs.retry(trained.id)
    again.cancel()
    assert again.id != trained.id
    assert again.raw["request"] == trained.raw["request"]
    changed = client.jobs.clone(trained.id, {"name": None, "training": {"epochs": 3}})
    changed.cancel()
    assert changed.raw["request"]["training"]["epochs"] == 3
    assert changed.raw["request"]["training"]["seed"] == 7
    assert changed.name == ""


def test_what_a_request_comes_to(client: Client) -> None:
    report = client.jobs.validate(REQUEST)
    assert report.rows
    assert report.parameters
    assert report.layers
    assert all({"type", "output_shape", "parameters"} <= set(layer) for layer in report.layers)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"trainign": {}}, {"trainign"}),
        ({"training": {"epochs": 0}}, {"training.epochs"}),
    ],
)
def test_what_is_wrong_is_said_with_its_field(
    client: Client, changes: dict[str, object], fields: set[str]
) -> None:
    for ask in (client.jobs.submit, client.jobs.validate):
        with pytest.raises(InvalidRequest) as caught:
            ask(REQUEST | changes)
        assert {violation.field for violation in caught.value.violations} == fields
        assert (caught.value.code, caught.value.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert caught.value.request_id


def test_missing_fields_are_all_said(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.jobs.submit({"task": {"type": "image_classification"}})
    fields = {violation.field for violation in caught.value.violations}
    assert fields == {"dataset", "network", "publish"}


def test_what_is_not_there(client: Client, trained: Job) -> None:
    asked = {
        "JOB_NOT_FOUND": lambda: client.jobs.get("no-such-job"),
        "MODEL_NOT_FOUND": lambda: client.models.get("no-such-model"),
        "VERSION_NOT_FOUND": lambda: client.models.version("tiny", 99),
        "ALIAS_NOT_FOUND": lambda: client.models.remove_alias("tiny", "no-such-alias"),
        "DATASET_NOT_FOUND": lambda: client.datasets.get("0" * 64),
    }
    for reason, ask in asked.items():
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.reason == reason
        assert not caught.value.retryable


def test_models_versions_and_aliases(client: Client, trained: Job) -> None:
    model = client.models.get("tiny")
    assert (model.task, model.latest, model.versions) == ("image_classification", 1, (1,))
    assert {"tiny"} <= {listed.name for listed in client.models.list()}
    version = client.models.version("tiny", 1)
    assert version.manifest is not None
    assert version.manifest["task"]["type"] == "image_classification"
    assert client.models.set_alias("tiny", "candidate", 1) == {"stable": 1, "candidate": 1}
    assert client.models.remove_alias("tiny", "candidate") == {"stable": 1}
    with pytest.raises(FailedPrecondition) as caught:
        client.models.delete_version("tiny", 1)
    assert caught.value.reason == "VERSION_HAS_ALIAS"


def test_predictions(client: Client, trained: Job) -> None:
    answer = client.model("tiny", alias="stable").classify(IMAGES)
    assert (answer.model, answer.version, len(answer.results)) == ("tiny", 1, len(IMAGES))
    assert set(answer.class_names) == DIGITS
    for result in answer.results:
        scores = [scored.score for scored in result.classes]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-4)
    best = client.model("tiny", version=1).classify([str(IMAGES[0])], top_k=1)
    assert [len(result.classes) for result in best.results] == [1]
    assert best.top.name == answer.results[0].top.name
    many = client.model("tiny").classify([IMAGES[0].read_bytes()] * 300)
    assert set(many.names) == {answer.results[0].top.name}


def test_predictions_that_cannot_be(client: Client, trained: Job) -> None:
    with pytest.raises(NotFound) as missing:
        client.model("no-such-model").classify(IMAGES[0])
    assert missing.value.reason == "MODEL_NOT_FOUND"
    with pytest.raises(NotFound):
        client.model("tiny", version=99).classify(IMAGES)
    with pytest.raises(FailedPrecondition) as wrong:
        client.predict.classify_texts("tiny", ["hello"])
    assert wrong.value.reason == "WRONG_TASK"
    with pytest.raises(InvalidRequest) as empty:
        client.predict.classify_images("tiny", [])
    assert [violation.field for violation in empty.value.violations] == ["images"]
    assert empty.value.request_id


def test_a_dataset_from_upload_to_removal(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "churn.csv"
    file.write_bytes(CSV)
    sent = client.datasets.upload(file)
    assert sent.digest == hashlib.sha256(CSV).hexdigest()
    assert client.datasets.upload(file).digest == sent.digest
    assert sent.suggested["type"] == "csv"
    assert client.datasets.get(sent.uri).bytes == len(CSV)
    assert sent.digest in {dataset.digest for dataset in client.datasets.list()}
    schema = client.datasets.schema(sent.digest, type="csv")
    age, plan = schema.columns
    assert (schema.rows, age.name, age.min, age.max, age.mean) == (40, "age", 29, 41, 35)
    assert (plan.name, plan.classes) == ("plan", {"basic": 20, "plus": 20})
    rows = client.datasets.preview(sent.digest, rows=2, type="csv")
    assert [row["plan"] for row in rows] == ["basic", "plus"]
    client.datasets.delete(sent.digest)
    with pytest.raises(NotFound):
        client.datasets.get(sent.digest)


def test_a_large_file(client: Client, tmp_path: Path) -> None:
    content = os.urandom(17 * 1024 * 1024)
    file = tmp_path / "large.bin"
    file.write_bytes(content)
    told: list[int] = []
    sent = client.datasets.upload(file, progress=lambda reached, size: told.append(reached))
    assert sent.digest == hashlib.sha256(content).hexdigest()
    assert told == [0, 8 * 1024 * 1024, 16 * 1024 * 1024, len(content)]
    client.datasets.delete(sent.digest)


def test_builtin_data_can_be_looked_into(client: Client) -> None:
    schema = client.datasets.schema("builtin://airline", type="csv")
    assert schema.rows == 144
    assert [column.name for column in schema.columns] == ["month", "passengers"]
    uris = {dataset.uri for dataset in client.datasets.builtin()}
    assert {"builtin://digits", "builtin://sms", "builtin://airline"} <= uris


def test_workers_and_the_schema_of_a_request(client: Client) -> None:
    [worker] = client.workers.list()
    assert worker.name
    assert worker.state in ("idle", "busy")
    assert {"task", "dataset", "network", "publish"} <= set(client.request_schema()["properties"])  # type: ignore[call-overload]  # JSON


def test_the_same_awaited(place: Address, trained: Job) -> None:
    async def story() -> tuple[list[str], list[str], str]:
        async with AsyncClient(place.url, place.grpc, timeout=60) as client:
            job = await client.jobs.get(trained.id)
            kinds = [event.kind async for event in job.events()]
            found = [listed.id async for listed in client.jobs.list(model="tiny")]
            answer = await client.model("tiny").classify(IMAGES)
            return kinds, found, answer.model

    kinds, found, model = asyncio.run(story())
    assert kinds[-1] == "end"
    assert trained.id in found
    assert model == "tiny"
