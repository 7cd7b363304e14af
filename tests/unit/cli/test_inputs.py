"""What is given to `predict` is read as what the task asks for."""

import io
from pathlib import Path

import click
import pytest

from modelyard.cli import inputs


def test_a_history_from_a_file_from_json_and_from_numbers(tmp_path: Path) -> None:
    table = tmp_path / "history.csv"
    table.write_text("month,passengers,holidays\n1949-01,112,1\n1949-02,118,0\n")
    listed = tmp_path / "history.json"
    listed.write_text("[112, 118]")

    values = (112.0, 118.0)
    assert inputs.history([str(table)], "passengers", ()).values == values
    assert inputs.history([str(listed)], "passengers", ()).values == values
    assert inputs.history(["112,118"], "", ()).values == values
    assert inputs.history(["112", "118"], "", ()).values == values
    assert inputs.history([str(table)], "passengers", ["holidays"]).covariates == {
        "holidays": (1.0, 0.0)
    }


def test_rows_keep_numbers_text_and_gaps_apart(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("age,city\n41,Oslo\n,NA\n")
    assert inputs.rows([str(table)]) == [
        {"age": 41.0, "city": "Oslo"},
        {"age": None, "city": None},
    ]
    assert inputs.rows(['{"age": 41}', '{"age": 7}']) == [{"age": 41}, {"age": 7}]


def test_texts_of_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    assert inputs.texts(["-"]) == ["one", "two"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["112,x"], "'x'"),
        (["no-such.csv"], "cannot read no-such.csv"),
        (["no-such.json"], "cannot read no-such.json"),
    ],
)
def test_what_cannot_be_read_is_named(given: list[str], said: str) -> None:
    with pytest.raises(click.BadParameter, match=said):
        inputs.history(given, "passengers", ())


def test_a_missing_column_names_those_that_are_there(tmp_path: Path) -> None:
    table = tmp_path / "history.csv"
    table.write_text("month,passengers\n1949-01,112\n")
    with pytest.raises(click.BadParameter, match="'holidays', only month, passengers"):
        inputs.history([str(table)], "passengers", ["holidays"])
