"""Files that are sent: small ones at once, large ones in parts that a broken connection does not lose."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from modelyard.client import Client, FailedPrecondition, InvalidRequest, NotFound
from modelyard.testing import FakeServer

CSV = b"age,plan\n41,basic\n,plus\n29,basic\n"
MIB = 1024 * 1024


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "churn.csv"
    file.write_bytes(CSV)
    return file


def test_a_file_is_sent_looked_into_and_removed(client: Client, table: Path) -> None:
    told: list[tuple[int, int]] = []
    sent = client.datasets.upload(table, progress=lambda *reached: told.append(reached))
    digest = hashlib.sha256(CSV).hexdigest()
    assert (sent.digest, sent.uri, sent.bytes) == (digest, f"dataset://{digest}", len(CSV))
    assert sent.suggested == {"type": "csv"}
    assert told == [(len(CSV), len(CSV))]

    schema = client.datasets.schema(sent.uri, type="csv")
    age, plan = schema.columns
    assert (schema.rows, age.kind, age.missing, age.mean) == (3, "number", 1, 35)
    assert (plan.kind, plan.classes) == ("text", {"basic": 2, "plus": 1})
    assert client.datasets.preview(digest, rows=1) == ({"age": 41.0, "plan": "basic"},)
    assert [dataset.name for dataset in client.datasets.list()] == ["churn.csv"]
    client.datasets.delete(digest)
    with pytest.raises(NotFound):
        client.datasets.get(digest)


def test_a_large_file_comes_in_parts_though_the_connection_breaks(
    fake: FakeServer, client: Client, tmp_path: Path
) -> None:
    content = os.urandom(20 * MIB + 5)
    file = tmp_path / "large.bin"
    file.write_bytes(content)
    told: list[int] = []

    def progress(reached: int, size: int) -> None:
        if reached == 8 * MIB and reached not in told:
            fake.refuse_next_calls(2)  # a part, and the question where to go on
        told.append(reached)

    sent = client.datasets.upload(file, progress=progress)
    assert sent.digest == hashlib.sha256(content).hexdigest()
    assert told[0] == 0
    assert told[-1] == len(content)
    assert told == sorted(told)


def test_the_same_awaited(fake: FakeServer, tmp_path: Path) -> None:
    content = os.urandom(9 * MIB)
    file = tmp_path / "large.bin"
    file.write_bytes(content)

    async def story() -> str:
        async with fake.async_client() as client:
            return (await client.datasets.upload(file)).digest

    assert asyncio.run(story()) == hashlib.sha256(content).hexdigest()


def test_what_a_job_uses_stays(client: Client, table: Path) -> None:
    with FakeServer(step=30) as slow, slow.client() as client:
        sent = client.datasets.upload(table)
        job = client.jobs.submit(
            {
                "task": {"type": "tabular_classification", "target": "plan"},
                "dataset": {"type": "csv", "source": sent.uri},
                "network": {"type": "dense"},
                "publish": {"model": "churn"},
            }
        )
        with pytest.raises(FailedPrecondition, match=job.id) as caught:
            client.datasets.delete(sent.digest)
        assert caught.value.reason == "IN_USE"
        assert client.datasets.get(sent.digest).raw["used_by"]["jobs"] == [job.id]


def test_a_request_sends_the_file_beside_it(client: Client, table: Path) -> None:
    request = table.with_name("churn.yaml")
    request.write_text(
        "task: {type: tabular_classification, target: plan}\n"
        "dataset: {type: csv, source: churn.csv}\n"
        "network: {type: dense}\n"
        "publish: {model: churn}\n"
    )
    job = client.jobs.submit(request)
    digest = hashlib.sha256(CSV).hexdigest()
    assert job.raw["request"]["dataset"]["source"] == f"dataset://{digest}"


def test_a_file_that_is_not_there(client: Client) -> None:
    with pytest.raises(InvalidRequest, match=r"no-such\.csv"):
        client.datasets.upload("no-such.csv")
