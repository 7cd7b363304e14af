"""A dataset goes when nobody needs it, and never under a job that was accepted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modelyard.jobs.app import create_app
from modelyard.model_store import Lineage, Manifest, ModelStore
from modelyard.settings import JobsSettings


def table(api: TestClient, mark: int = 0) -> str:
    content = b"x,y\n" + b"1,a\n2,b\n" * 5 + b"%d,a\n" % mark
    return str(api.post("/v1/datasets?filename=t.csv", content=content).json()["digest"])


def job(digest: str) -> dict[str, Any]:
    return {
        "task": {"type": "tabular_classification", "target": "y"},
        "dataset": {"type": "csv", "source": f"dataset://{digest}"},
        "network": {"type": "dense", "units": [4]},
        "publish": {"model": "table"},
    }


def published(models: ModelStore, digest: str) -> None:
    """A version whose lineage names the dataset; its other files do not matter here."""
    manifest = Manifest(
        model="table",
        version=1,
        created_at="2026-01-01T00:00:00Z",
        task={"type": "tabular_classification"},
        network={"type": "dense"},
        parameters=1,
        signatures={},
        tolerance={},
        metrics={},
        lineage=Lineage(job="j", fence=1, dataset=digest, seed=0, libraries={}),
    )
    staged = models.staging("j", 1)
    models.publish(staged, models.seal(staged, manifest))


def test_what_nobody_uses_goes_with_all_that_was_known_of_it(
    api: TestClient, tmp_path: Path
) -> None:
    digest = table(api)
    api.get(f"/v1/datasets/{digest}/schema")
    known = api.get(f"/v1/datasets/{digest}").json()
    assert (known["name"], known["used_by"]) == ("t.csv", {"jobs": [], "models": []})

    assert api.delete(f"/v1/datasets/{digest}").status_code == 204

    assert api.get(f"/v1/datasets/{digest}").status_code == 404
    assert api.delete(f"/v1/datasets/{digest}").json()["reason"] == "DATASET_NOT_FOUND"
    assert [f for f in (tmp_path / "datasets").rglob("*") if f.is_file()] == []


def test_an_open_job_keeps_it_even_when_the_store_of_jobs_was_lost(
    api: TestClient, settings: JobsSettings
) -> None:
    digest = table(api)
    accepted = api.post("/v1/jobs", json=job(digest)).json()["id"]

    for force in ("", "?force=true"):
        refused = api.delete(f"/v1/datasets/{digest}{force}")
        assert (refused.status_code, refused.json()["reason"]) == (409, "IN_USE")
        assert accepted in refused.json()["detail"]
    assert api.get(f"/v1/datasets/{digest}").json()["used_by"]["jobs"] == [accepted]
    # another process, which has heard of nothing, asks the journal
    with TestClient(create_app(settings)) as other:
        assert other.delete(f"/v1/datasets/{digest}").status_code == 409
    api.post(f"/v1/jobs/{accepted}/cancel")
    assert api.delete(f"/v1/datasets/{digest}").status_code == 204
    assert api.post("/v1/jobs", json=job(digest)).json()["reason"] == "DATASET_NOT_FOUND"


def test_a_version_keeps_it_unless_one_insists(api: TestClient, settings: JobsSettings) -> None:
    digest = table(api)
    published(ModelStore(settings.models), digest)

    refused = api.delete(f"/v1/datasets/{digest}")

    assert (refused.status_code, refused.json()["reason"]) == (409, "IN_USE")
    assert "model table version 1" in refused.json()["detail"]
    used = api.get(f"/v1/datasets/{digest}").json()["used_by"]
    assert used["models"] == [{"model": "table", "version": 1}]
    assert api.delete(f"/v1/datasets/{digest}?force=true").status_code == 204


@pytest.mark.parametrize("round_", range(5))
def test_submit_or_delete_whoever_is_first(api: TestClient, tmp_path: Path, round_: int) -> None:
    """Both at once, many times over: an accepted job always has its data."""

    def at_once(call: Callable[[], Any]) -> Any:
        return call()

    for mark in range(round_ * 100, round_ * 100 + 6):
        digest = table(api, mark)
        api.get(f"/v1/datasets/{digest}/schema")
        calls = [
            lambda digest=digest: api.post("/v1/jobs", json=job(digest)),
            lambda digest=digest: api.delete(f"/v1/datasets/{digest}"),
        ]
        with ThreadPoolExecutor(2) as pool:
            submitted, deleted = pool.map(at_once, calls)
        assert (submitted.status_code, deleted.status_code) in {(201, 409), (400, 204)}
        stored = tmp_path / "datasets" / "sha256" / digest[:2] / digest
        assert stored.is_file() == (submitted.status_code == 201)
