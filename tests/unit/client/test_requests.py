"""A request is taken as a dictionary, a path or text; what is wrong with the file is said with its name."""

from pathlib import Path

import pytest

from modelyard.client.errors import InvalidRequest
from modelyard.client.requests import local_source, read, with_source


def test_a_mapping_a_file_and_text_mean_the_same(tmp_path: Path) -> None:
    text = "task: {type: forecasting}\ndataset: {type: csv, source: 'builtin://airline'}\n"
    file = tmp_path / "request.yaml"
    file.write_text(text)
    body = {
        "task": {"type": "forecasting"},
        "dataset": {"type": "csv", "source": "builtin://airline"},
    }
    assert read(body).body == read(file).body == read(str(file)).body == read(text).body == body


def test_a_file_is_found_beside_the_request(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    request = tmp_path / "request.yaml"
    request.write_text("dataset: {type: csv, source: rows.csv, delimiter: comma}\n")

    written = read(request)

    assert local_source(written) == tmp_path / "rows.csv"
    sent = with_source(written, "dataset://abc")
    assert sent == {"dataset": {"type": "csv", "source": "dataset://abc", "delimiter": "comma"}}


@pytest.mark.parametrize("source", ["builtin://digits", "dataset://abc", "s3://bucket/rows.csv"])
def test_addresses_are_left_alone(source: str) -> None:
    assert local_source(read({"dataset": {"source": source}})) is None


def test_a_missing_file_names_the_field() -> None:
    with pytest.raises(InvalidRequest) as caught:
        local_source(read({"dataset": {"source": "no/such.csv"}}))
    assert [violation.field for violation in caught.value.violations] == ["dataset.source"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a list\n- of things\n", "a list"),
        ("task: [unclosed\n", "is not YAML"),
        (
            "!!python/object/apply:os.system ['true']\n",
            "is not YAML",
        ),  # nothing is ever constructed
    ],
)
def test_what_is_no_request_says_why(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "request.yaml"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match=said):
        read(file)
