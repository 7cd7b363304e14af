"""CSV files as people have them: what is read, and what is said of those that cannot be."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import CSV
from modelyard.errors import BadData, InvalidRequest
from modelyard.examples import Examples
from modelyard.tasks.tabular.task import TabularRegression


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


def test_a_late_word_is_seen_and_its_line_is_known(store: DatasetStore) -> None:
    rows = [b"%d,x" % i for i in range(20_000)]
    rows[17_000] = b"n/a,y"
    schema = uploaded(store, b"age,label\n" + b"\n".join(rows)).schema(store)

    assert schema.rows == 20_000
    assert schema.columns["age"].kind == "text"
    assert schema.columns["age"].not_numbers == (("people.csv:17002", "'n/a'"),)
    assert schema.columns["label"].classes == ("x", "y")


def test_a_task_that_needs_numbers_names_the_line_that_holds_none(store: DatasetStore) -> None:
    dataset = uploaded(store, b"age,rings\n1,3\n2,many\n3,4\n")

    with pytest.raises(InvalidRequest) as caught:
        TabularRegression(target="rings").head(dataset.schema(store))

    assert [(v.field, v.received) for v in caught.value.violations] == [
        ("task.target", "text"),
        ("people.csv:3", "'many'"),
    ]


def test_a_kind_that_is_given_is_kept(store: DatasetStore) -> None:
    dataset = uploaded(store, b"zip,empty\n08001,\n10115,\n", kinds={"zip": "text"})

    assert dataset.schema(store).columns["zip"].classes == ("08001", "10115")
    assert dataset.open(store).columns["zip"].tolist() == ["08001", "10115"]
    empty = uploaded(store, b"zip,empty\n08001,\n10115,\n", kinds={"empty": "number"})
    assert np.isnan(empty.open(store).columns["empty"]).all()


@pytest.mark.parametrize(
    ("kinds", "field", "message"),
    [
        ({"name": "number"}, "people.csv:3", "column 'name' holds no number"),
        ({"nothing": "text"}, "dataset.kinds.nothing", "the dataset has no such column"),
    ],
)
def test_a_kind_that_cannot_hold(
    store: DatasetStore, kinds: dict[str, str], field: str, message: str
) -> None:
    dataset = uploaded(store, b"age,name\n1,2\n2,Ada\n", kinds=kinds)

    for ask in (dataset.schema, dataset.open):
        with pytest.raises(InvalidRequest) as caught:
            ask(store)
        assert caught.value.violations[0].field == field
        assert message in caught.value.violations[0].message


def test_what_the_columns_come_to(store: DatasetStore) -> None:
    content = b"whole weight,sex,empty\n1,M,\n2.5,F,\n,M,\n4.5,,\n"

    found = uploaded(store, content).summarise(store)

    weight, sex, empty = found.columns.values()
    assert list(found.columns) == ["whole weight", "sex", "empty"]
    assert (weight.min, weight.max, weight.missing) == (1.0, 4.5, 1)
    assert weight.mean == pytest.approx(8 / 3)
    assert sex.classes == {"F": 1, "M": 2}
    assert (sex.kind, sex.missing, sex.distinct) == ("text", 1, 2)
    assert (empty.kind, empty.missing, empty.distinct) == ("text", 4, 0)


def test_too_many_values_are_no_classes(store: DatasetStore) -> None:
    rows = b"".join(b"%d,%d\n" % (i, i % 1000) for i in range(12_000))

    schema = uploaded(store, b"id,group\n" + rows).summarise(store)

    assert (schema.columns["id"].distinct, schema.columns["id"].classes) == (None, None)
    assert schema.columns["group"].distinct == 1000


def test_a_second_look_is_free(store: DatasetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = uploaded(store, b"a,b\n1,x\n2,y\n")
    first = dataset.schema(store)
    monkeypatch.setattr(CSV, "summarise", None)

    assert dataset.schema(store) == first
    assert CSV.model_validate(dataset.model_dump()).schema(store) == first


def test_a_large_file_is_looked_through_in_little_memory(store: DatasetStore) -> None:
    """8 MB, 40 as rows of texts, of which no more than a few batches are held at a time."""
    line = b"%d,some words that make the line longer,%d\n"

    def content() -> Iterator[bytes]:
        yield b"id,text,value\n"
        for start in range(0, 150_000, 1000):
            yield b"".join(line % (i, i * 7) for i in range(start, start + 1000))

    dataset = CSV(source=f"dataset://{store.put(content(), name='large.csv')}")
    tracemalloc.start()
    schema = dataset.schema(store)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert schema.rows == 150_000
    assert peak < 16 * 1024 * 1024


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
