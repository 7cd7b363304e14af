"""CSV files as people have them: what is read, and what is said of those that cannot be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import CSV
from modelyard.errors import BadData, InvalidRequest
from modelyard.examples import Examples


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path)


def uploaded(store: DatasetStore, content: bytes, **fields: Any) -> CSV:
    return CSV(source=f"dataset://{store.put([content], name='people.csv')}", **fields)


def opened(store: DatasetStore, content: bytes, **fields: Any) -> Examples:
    return uploaded(store, content, **fields).open(store)


def refusal(store: DatasetStore, content: bytes, **fields: Any) -> BadData:
    with pytest.raises(BadData) as caught:
        opened(store, content, **fields)
    return caught.value


def test_numbers_and_texts(store: DatasetStore) -> None:
    examples = opened(store, b"age,name\n31,Ada\n,Grace\n4.5e1,\n")

    assert examples.columns["age"].dtype == np.float64
    np.testing.assert_array_equal(examples.columns["age"], [31, np.nan, 45])
    assert examples.columns["name"].tolist() == ["Ada", "Grace", ""]


def test_one_word_makes_a_column_text(store: DatasetStore) -> None:
    examples = opened(store, b"code\n1\n1_000\n2\n")

    assert examples.columns["code"].tolist() == ["1", "1_000", "2"]


def test_marks_of_missing_values(store: DatasetStore) -> None:
    examples = opened(store, b"age,job\n?,NA\n3,cook\n", missing=("?",))

    np.testing.assert_array_equal(examples.columns["age"], [np.nan, 3])
    assert examples.columns["job"].tolist() == ["NA", "cook"]


def test_a_line_is_named_as_an_editor_counts(store: DatasetStore) -> None:
    examples = opened(store, b'text,label\r\n"two\r\nlines",a\r\n\r\nlast,b\r\n')

    assert examples.columns["text"].tolist() == ["two\r\nlines", "last"]
    assert [examples.where(row) for row in (0, 1)] == ["people.csv:2", "people.csv:5"]


@pytest.mark.parametrize(
    ("delimiter", "character"),
    [("tab", "\t"), ("semicolon", ";"), ("pipe", "|"), ("space", " "), (":", ":")],
)
def test_delimiters(store: DatasetStore, delimiter: str, character: str) -> None:
    content = f"a{character}b\n1{character}2\n".encode()

    assert list(opened(store, content, delimiter=delimiter).columns) == ["a", "b"]


def test_without_a_header(store: DatasetStore) -> None:
    assert list(opened(store, b"1,2\n3,4\n", header=False).columns) == ["column1", "column2"]
    named = opened(store, b"1,2\n3,4\n", header=False, columns=("x", "y"))
    assert named.columns["y"].tolist() == [2, 4]


def test_encodings(store: DatasetStore) -> None:
    for encoding in ("utf-8", "latin-1", "utf-16"):
        content = "name\ncafé\n".encode(encoding)
        assert opened(store, content, encoding=encoding).columns["name"].tolist() == ["café"]


def test_a_byte_order_mark_is_no_part_of_a_name(store: DatasetStore) -> None:
    assert list(opened(store, "\ufeffname\nAda\n".encode()).columns) == ["name"]


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        (b"\n\n", "people.csv", "the file is empty"),
        (b"a,b\n", "people.csv", "holds no examples"),
        (b"a,,c\n1,2,3\n", "people.csv:1", "column 2 has no name"),
        (b"a,b,a\n1,2,3\n", "people.csv:1", "columns 1 and 3 have the same name"),
        (b"a,b\n1,2\n3\n", "people.csv:3", "another number of cells"),
        (b"a,b\n1,2\n3,4,5\n", "people.csv:3", "another number of cells"),
        (b"a,b\n1,\x00\n", "people.csv:2", "NUL"),
        (b"a,b\n1,2\n\xff\xfe,3\n", "people.csv:3", "is not utf-8 text"),
        (b'a,b\n1,2\n"open,3\n', "people.csv:3", "not valid CSV"),
        (b'a,b\n1,"x"y\n', "people.csv:2", "not valid CSV"),
        (b"a\n" + b"x" * 200_000 + b"\n", "people.csv:2", "not valid CSV: field larger"),
        (b"PK\x03\x04\x00\x00\x00\x00", "people.csv:1", "NUL"),
        (b"\x89PNG\r\n\x1a\n", "people.csv:1", "is not utf-8 text"),
    ],
)
def test_the_file_and_line_are_named(
    store: DatasetStore, content: bytes, field: str, message: str
) -> None:
    violation = refusal(store, content).violations[0]

    assert violation.field == field
    assert message in violation.message


def test_twenty_bad_rows_are_named_and_the_others_counted(store: DatasetStore) -> None:
    error = refusal(store, b"a,b\n" + b"1\n" * 50)

    assert [v.field for v in error.violations[:2]] == ["people.csv:2", "people.csv:3"]
    assert len(error.violations) == 21
    assert error.violations[-1].message == "and 30 more like these"


def test_a_delimiter_that_is_wrong_for_the_whole_file(store: DatasetStore) -> None:
    header = ",".join(f"c{i}" for i in range(10_001)).encode()

    assert "is the delimiter right?" in refusal(store, header + b"\n1\n").message


def test_schema_tells_classes(store: DatasetStore) -> None:
    schema = uploaded(store, b"size,label\n10,b\n9,a\n,b\n").schema(store)

    assert schema.rows == 3
    assert schema.columns["label"].classes == ("a", "b")
    assert schema.columns["size"].classes == ("9", "10")
    assert (schema.columns["size"].kind, schema.columns["label"].kind) == ("number", "text")


def test_schema_of_a_large_file_reads_its_beginning(
    store: DatasetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.datasets.table.SMALL_FILE", 100)
    dataset = uploaded(store, b"a,label\n" + b"1,x\n" * 5000 + b"broken\n")

    schema = dataset.schema(store)

    assert schema.rows is None
    assert schema.columns["label"].classes is None
    assert schema.columns["a"].kind == "number"


def test_an_upload_that_is_not_there(store: DatasetStore) -> None:
    dataset = CSV(source="dataset://" + "0" * 64)

    for ask in (dataset.open, dataset.schema):
        with pytest.raises(InvalidRequest) as caught:
            ask(store)
        assert caught.value.violations[0].field == "dataset.source"


@pytest.mark.parametrize(
    "source",
    [
        *("/etc/passwd", "file:///etc/passwd", "s3://bucket/x", "", "builtin://nothing"),
        *("builtin://../../../etc/passwd", "dataset://../../etc/passwd", "dataset://" + "A" * 64),
    ],
)
def test_nothing_outside_the_store_can_be_named(source: str) -> None:
    with pytest.raises(ValidationError):
        CSV(source=source)


@pytest.mark.parametrize(
    "fields",
    [{"delimiter": ""}, {"delimiter": '"'}, {"delimiter": "commas"}, {"columns": ("a", "a")}],
)
def test_what_is_no_request(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CSV(source="builtin://sms", **fields)
