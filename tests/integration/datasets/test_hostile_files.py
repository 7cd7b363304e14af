"""Hostile files through the API: each is refused for its exact reason, leaves nothing behind and costs little."""

import importlib.util
import resource
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modelyard.settings import JobsSettings

MIB = 1024 * 1024


def beside(name: str) -> ModuleType:
    """A module of this folder: tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


FILES: list[Any] = beside("hostile_files").FILES


@pytest.fixture
def settings(settings: JobsSettings) -> JobsSettings:
    return settings.model_copy(update={"max_dataset_bytes": 64 * MIB})


def tree(home: Path) -> set[str]:
    return {f.relative_to(home).as_posix() for f in home.rglob("*") if f.is_file()}


def resident() -> int:
    """The most bytes of memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.type}: {file.message}")
def test_it_is_refused(api: TestClient, tmp_path: Path, file: Any) -> None:
    content = file.make()
    answer = api.post(f"/v1/datasets?filename={file.name}", content=content)
    assert answer.status_code == 201, answer.text
    digest = answer.json()["digest"]
    before, memory = tree(tmp_path), resident()

    answer = api.get(f"/v1/datasets/{digest}/schema?type={file.type}")

    problem = answer.json()
    assert answer.status_code == 400, problem
    assert (problem["code"], problem["reason"]) == ("INVALID_ARGUMENT", file.reason), problem
    assert problem["violations"][0]["field"] == file.field
    assert file.message in problem["violations"][0]["message"]
    # what it would be trained on is refused for the same reason, before it is a job
    job = {
        "task": {"type": "tabular_classification", "target": "y"},
        "dataset": {"type": file.type, "source": f"dataset://{digest}"},
        "network": {"type": "dense", "units": [4]},
        "publish": {"model": "table"},
    }
    assert api.post("/v1/jobs", json=job).json()["reason"] == file.reason
    assert tree(tmp_path) == before
    assert resident() - memory < 200 * MIB
    assert api.delete(f"/v1/datasets/{digest}").status_code == 204
    assert not Path("/tmp/a-pickle-was-read").exists()
