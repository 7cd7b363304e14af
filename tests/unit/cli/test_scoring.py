"""Rows of a file through a model, of which only the asking is not real."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.cli.scoring import BadRow, Result, Row, open_table, read, score
from modelyard.cli.scoring.rows import Wanted
from modelyard.client import InvalidRequest, Timing, Values
from modelyard.errors import InvalidRequest as Refused
from modelyard.errors import Violation

TABLE = Wanted("tabular_regression", {"size": "number", "code": "text"})
TEXT = Wanted("text_classification", {}, "body")


def test_a_row_is_asked_as_the_model_was_trained(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('size,code,answer\n1.5,007,9\nNA,"two\nlines",8\n,,7\n')
    first, second, third = read(file, TABLE)
    assert isinstance(first, Row)
    assert first.value == {
        "size": 1.5,
        "code": "007",
    }  # a code is no number, the answer is not asked
    assert first.shown == {"size": "1.5", "code": "007", "answer": "9"}
    assert isinstance(second, Row)
    assert second.value == {"size": None, "code": "two\nlines"}
    assert second.where == "a.csv:3"
    assert isinstance(third, Row)
    assert (third.where, third.done) == ("a.csv:5", file.stat().st_size)


@pytest.mark.parametrize(
    ("name", "text", "wanted", "said"),
    [
        ("a.csv", "size,code\n1\n2,b\n", TABLE, "a.csv:2: expected 2 columns, received 1"),
        ("a.csv", "size,code\nwide,b\n2,b\n", TABLE, "a.csv:2: size: expected a number"),
        ("a.tsv", "size\tcode\nwide\tb\n2\tb\n", TABLE, "a.tsv:2: size: expected a number"),
        ("a.jsonl", '{"size": 1\n{"size": 2}\n', TABLE, "a.jsonl:1: is not JSON"),
        ("a.jsonl", '[1]\n{"size": 2}\n', TABLE, "a.jsonl:1: expected an object"),
        ("a.jsonl", '3\n"good"\n', TEXT, "a.jsonl:1: expected a text"),
        ("a.csv", "a,b\n1,2\n", TEXT, "a.csv:2: there is no column 'body', only a, b"),
    ],
)
def test_a_bad_row_is_told_and_the_next_one_read(
    tmp_path: Path, name: str, text: str, wanted: Wanted, said: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    bad, *rest = read(file, wanted)
    assert isinstance(bad, BadRow)
    assert f"{bad.where}: {bad.message}".startswith(said)
    assert all(isinstance(row, Row) for row in rest)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("a.txt", TABLE), ("a.parquet", TABLE), ("a.csv", Wanted("forecasting", {})), ("b", TEXT)],
)
def test_a_file_that_a_task_cannot_read_is_refused(
    tmp_path: Path, name: str, wanted: Wanted
) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(Refused, match="--input"):
        list(read(tmp_path / name, wanted))


class Model:
    """Answers twice the value, refuses what is negative, as a service does: with the place of the first."""

    def __init__(self, *, names_the_row: bool) -> None:
        self._names_the_row = names_the_row
        self.calls = 0

    def __call__(self, values: list[Any]) -> Values:
        self.calls += 1
        for position, value in enumerate(values):
            if value < 0:
                field = f"rows[{position}].size" if self._names_the_row else ""
                raise InvalidRequest("no", violations=(Violation(field, "is negative"),))
        return Values("m", 3, Timing(0.0, 0.0), tuple(2.0 * value for value in values))


@pytest.mark.parametrize("names_the_row", [True, False])
def test_refused_rows_are_told_and_all_others_answered_in_their_order(names_the_row: bool) -> None:
    values = [-1 if n in (0, 7, 8, 19) else n for n in range(20)]
    rows = [Row(f"a:{n}", {"n": n}, value, n + 1) for n, value in enumerate(values)]
    told: list[BadRow] = []
    written: list[dict[str, Any]] = []
    reached: list[int] = []

    class Table:
        def write(self, line: dict[str, Any]) -> None:
            written.append(line)

    result = score(
        rows,
        Model(names_the_row=names_the_row),
        Table(),
        batch=8,
        refuse=told.append,
        reach=reached.append,
    )

    assert result == Result(rows=16, bad=4, versions={3}, model="m")
    assert [bad.where for bad in told] == ["a:0", "a:7", "a:8", "a:19"]
    assert [line["n"] for line in written] == [n for n, value in enumerate(values) if value >= 0]
    assert all(line["prediction"] == 2.0 * line["n"] for line in written)
    assert reached == [8, 16, 20]


def test_an_answer_takes_no_column_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    rows = [Row("a:1", {"prediction": "mine"}, 4, 1)]
    with open_table(file) as table:
        score(rows, Model(names_the_row=True), table, batch=1, refuse=print, reach=print)
    [line] = csv.DictReader(file.read_text().splitlines())
    assert line == {"prediction": "mine", "prediction_": "8.0", "model_version": "3"}


def test_a_file_is_there_as_a_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("before")
    with pytest.raises(TypeError), open_table(file) as table:
        table.write({"a": object()})
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]

    with open_table(file) as table:
        table.write({"a": "ä"})
    assert json.loads(file.read_text()) == {"a": "ä"}


def test_a_name_that_tells_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"--output.*\.csv"), open_table(tmp_path / "out.xlsx"):
        pass
