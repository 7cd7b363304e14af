"""What `jobs clone --set` says, as a merge patch."""

from pathlib import Path
from typing import Any

import pytest

from modelyard.cli.changes import patch
from modelyard.errors import InvalidRequest


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (["training.epochs=50"], {"training": {"epochs": 50}}),
        (["a.b=1", "a.c=2"], {"a": {"b": 1, "c": 2}}),
        (["publish.model=digits"], {"publish": {"model": "digits"}}),
        (["training.early_stopping=null"], {"training": {"early_stopping": None}}),
        (["network.units=[1, 2]"], {"network": {"units": [1, 2]}}),
        (["name=a=b"], {"name": "a=b"}),
        (["name="], {"name": ""}),
        (["a=1", "a.b=2"], {"a": {"b": 2}}),  # the last word counts
    ],
)
def test_what_is_said_is_merged(said: list[str], meant: dict[str, Any]) -> None:
    assert patch(said, None) == meant


def test_a_file_is_below_what_is_said(tmp_path: Path) -> None:
    file = tmp_path / "changes.yaml"
    file.write_text("training: {epochs: 3, seed: 1}\n")
    assert patch(["training.epochs=4"], file) == {"training": {"epochs": 4, "seed": 1}}


@pytest.mark.parametrize("said", ["epochs", "=3", "training..epochs=3", ".a=1"])
def test_what_is_no_change_is_refused(said: str) -> None:
    with pytest.raises(InvalidRequest, match="FIELD=VALUE"):
        patch([said], None)


@pytest.mark.parametrize("text", ["- a\n", "a: [", ""])
def test_a_file_must_be_a_mapping(tmp_path: Path, text: str) -> None:
    file = tmp_path / "changes.yaml"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match=r"changes\.yaml"):
        patch([], file)
