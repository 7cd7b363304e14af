"""Models and their versions over HTTP."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def digits(yard: Any) -> str:
    """Three versions of a model that was not trained here."""
    for number in (1, 2, 3):
        folder: Path = yard.settings.models / "digits" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").write_bytes(b"")
    return "/v1/models/digits"


def test_versions_aliases_and_their_end(yard: Any, digits: str) -> None:
    assert yard.api.put(f"{digits}/aliases/stable", json={"version": 2}).json() == {"stable": 2}
    shown = yard.api.get(digits).json()
    assert [(v["version"], v["aliases"]) for v in shown["versions"]] == [
        (3, []),
        (2, ["stable"]),
        (1, []),
    ]
    assert yard.api.get(f"{digits}/versions/2").json() == {
        "version": 2,
        "aliases": ["stable"],
        "manifest": None,
    }
    assert [m for m in yard.api.get("/v1/models").json()["models"] if m["name"] == "digits"] == [
        {
            "name": "digits",
            "task": None,
            "latest": 3,
            "versions": [3, 2, 1],
            "aliases": {"stable": 2},
        }
    ]

    kept = yard.api.delete(f"{digits}/versions/2")
    assert (kept.status_code, kept.json()["reason"]) == (409, "VERSION_HAS_ALIAS")
    assert "stable" in kept.json()["detail"]
    assert yard.api.delete(f"{digits}/versions/1").status_code == 204
    gone = yard.api.get(f"{digits}/versions/1")
    assert (gone.status_code, gone.json()["reason"]) == (404, "VERSION_NOT_FOUND")

    assert yard.api.delete(f"{digits}/aliases/stable").json() == {}
    assert yard.api.delete(f"{digits}/versions/2").status_code == 204
    assert [v["version"] for v in yard.api.get(digits).json()["versions"]] == [3]


@pytest.mark.parametrize("version", [0, -1, "1.5", None, 10**30])
def test_an_alias_needs_the_number_of_a_version(yard: Any, digits: str, version: Any) -> None:
    answer = yard.api.put(f"{digits}/aliases/stable", json={"version": version})
    assert answer.status_code == 400
    assert answer.json()["violations"][0]["field"] == "version"


def test_an_alias_of_a_version_that_is_not_there(yard: Any, digits: str) -> None:
    answer = yard.api.put(f"{digits}/aliases/stable", json={"version": 99})
    assert (answer.status_code, answer.json()["reason"]) == (404, "VERSION_NOT_FOUND")
