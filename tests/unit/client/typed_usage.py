"""What a type checker sees of the client; `test_types.py` has mypy read it, nobody runs it."""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from modelyard import AsyncClient, Client
from modelyard.client import (
    AsyncJob,
    Classifications,
    Column,
    Epoch,
    Event,
    Forecasts,
    Job,
    LogLine,
    Model,
    Report,
    UploadedDataset,
    Values,
    Violation,
    Worker,
)
from modelyard.testing import FakeServer


def blocking(client: Client) -> None:
    job = client.jobs.submit("request.yaml", idempotency_key="nightly")
    assert_type(job, Job)
    assert_type(job.events(), Iterator[Event])
    assert_type(job.logs(follow=False), Iterator[LogLine])
    assert_type(job.wait(timeout=3), Job)
    assert_type(job.raise_for_state(), Job)
    assert_type(job.clone({"name": None}).cancel(), Job)
    assert_type(job.history(), tuple[Epoch, ...])
    assert_type(job.version, int | None)
    assert_type(job.violations, tuple[Violation, ...])
    assert_type(client.jobs.validate({"task": {}}), Report)
    assert_type(client.jobs.list(state="RUNNING"), Iterator[Job])
    assert_type(client.with_options(timeout=3), Client)
    assert_type(client.model("digits").classify("seven.png"), Classifications)
    assert_type(client.model("airline", version=3).forecast([1, 2.5]), Forecasts)
    assert_type(client.model("abalone").predict({}), Classifications | Forecasts | Values)
    assert_type(client.model("digits").classify(b"x").top.score, float)
    assert_type(
        client.datasets.upload("rows.csv", progress=lambda sent, size: None), UploadedDataset
    )
    assert_type(client.datasets.schema("builtin://airline").columns, tuple[Column, ...])
    assert_type(client.models.list(), Iterator[Model])
    assert_type(client.workers.list(), Iterator[Worker])


async def awaiting(client: AsyncClient) -> None:
    job = await client.jobs.submit({"task": {}})
    assert_type(job, AsyncJob)
    assert_type(job.events(), AsyncIterator[Event])
    assert_type(await job.wait(), AsyncJob)
    assert_type(client.jobs.list(), AsyncIterator[AsyncJob])
    assert_type(await client.model("digits").classify(b"x"), Classifications)
    assert_type(client.with_options(retries=0), AsyncClient)


def faking() -> None:
    with FakeServer() as server:
        assert_type(server.client(), Client)
        assert_type(server.async_client(), AsyncClient)


def wrong(client: Client) -> None:
    client.jobs.submit(7)  # type: ignore[arg-type]  # wrong on purpose
    client.model("digits", version="newest")  # type: ignore[arg-type]  # wrong on purpose
    client.jobs.list(status="RUNNING")  # type: ignore[call-arg]  # wrong on purpose
    client.jobs.get("j1").stat  # type: ignore[attr-defined]  # noqa: B018  # wrong on purpose
