"""What is printed: the same things in every form, and nothing that a terminal would obey."""

import json

import pytest
import yaml

from modelyard.cli.output import print_all, print_one, print_table

THINGS = [{"name": "a", "size": 1}, {"name": "b\x1b[31m", "size": None}]


@pytest.mark.parametrize("form", ["json", "yaml", "jsonl", "name", "table"])
def test_a_list_in_every_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(thing["name"], thing["size"]) for thing in THINGS]
    print_all(THINGS, form, ("NAME", "SIZE"), rows)
    said = capsys.readouterr().out
    match form:
        case "json":
            assert json.loads(said) == THINGS
        case "yaml":
            assert yaml.safe_load(said) == THINGS
        case "jsonl":
            assert [json.loads(line) for line in said.splitlines()] == THINGS
        case "name":
            assert said.splitlines() == ["a", "b"]  # no escape codes in a pipe
        case "table":
            assert said.splitlines()[0].split() == ["NAME", "SIZE"]
            assert said.splitlines()[1].split() == ["a", "1"]


def test_an_empty_list_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_all([], "json", ("NAME",), [])
    assert json.loads(capsys.readouterr().out) == []
    print_all([], "yaml", ("NAME",), [])
    assert yaml.safe_load(capsys.readouterr().out) == []


def test_one_thing_is_shown_to_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    print_one({"id": "x"}, "jsonl", lambda: pytest.fail("nobody looks"), name="x")
    assert capsys.readouterr().out == '{"id": "x"}\n'
    print_one({"id": "x"}, "name", lambda: pytest.fail("nobody looks"), name="x")
    assert capsys.readouterr().out == "x\n"


@pytest.mark.parametrize("evil", ["\x1b]0;title\x07", "\x1b[2J", "a\rb", "\x9b31m", "\u202eabc"])
def test_a_table_obeys_nobody(evil: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME",), [(evil,)])
    line = capsys.readouterr().out.splitlines()[1]
    assert all(character.isprintable() for character in line)
