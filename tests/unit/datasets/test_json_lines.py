"""JSON lines: what is read, and what is said of those that cannot be."""

from pathlib import Path

import numpy as np
import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import JSONL
from modelyard.errors import BadData


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path)


def uploaded(store: DatasetStore, content: bytes) -> JSONL:
    return JSONL(source=f"dataset://{store.put([content], name='notes.jsonl')}")


def test_values_and_what_is_missing(store: DatasetStore) -> None:
    content = b'{"n": 1, "t": "a", "b": true}\n\n{"n": null, "b": false}\n{"n": 2.5, "t": "c"}\n'

    examples = uploaded(store, content).open(store)

    np.testing.assert_array_equal(examples.columns["n"], [1, np.nan, 2.5])
    assert examples.columns["t"].tolist() == ["a", "", "c"]
    assert examples.columns["b"].tolist() == ["true", "false", ""]
    assert examples.where(1) == "notes.jsonl:3"


def test_schema(store: DatasetStore) -> None:
    schema = uploaded(store, b'{"t": "x", "n": 3}\n{"t": "y", "n": 1}\n').schema(store)

    assert schema.rows == 2
    assert schema.columns["t"].classes == ("x", "y")
    assert schema.columns["n"].kind == "number"


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        (b"\n \n", "notes.jsonl", "holds no examples"),
        (b'{"a": 1}\n{"a": \n', "notes.jsonl:2", "is not JSON"),
        (b'{"a": 1}\n[1, 2]\n', "notes.jsonl:2", "is not an object"),
        (b'{"a": NaN}\n', "notes.jsonl:1", "NaN is no JSON"),
        (b'{"a": 1}\n{"a": "x"}\n', "notes.jsonl:2", "holds different things"),
        (b'{"a": [1]}\n', "notes.jsonl:1", "holds different things"),
        (b'{"": 1}\n', "notes.jsonl", "has no name"),
        (b'{"a": "\xff"}\n', "notes.jsonl:1", "is not JSON"),
        (b'{"a": ' + b"[" * 100_000 + b"\n", "notes.jsonl:1", "is not JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}\n", "notes.jsonl:1", "is not JSON"),
        (b'{"a": "' + b"x" * (17 * 1024 * 1024) + b'"}\n', "notes.jsonl:1", "too long"),
    ],
)
def test_the_file_and_line_are_named(
    store: DatasetStore, content: bytes, field: str, message: str
) -> None:
    with pytest.raises(BadData) as caught:
        uploaded(store, content).open(store)

    assert caught.value.violations[0].field == field
    assert message in caught.value.violations[0].message


def test_columns_in_their_order_and_values_that_come_late(store: DatasetStore) -> None:
    content = b'{"z": 1, "a": "x"}\n' * 5000 + b'{"late": 2}\n' + b'{"a": ""}\n'

    found = uploaded(store, content).summarise(store)

    assert (found.rows, list(found.columns)) == (5002, ["z", "a", "late"])
    assert [column.missing for column in found.columns.values()] == [2, 2, 5001]
    assert found.columns["late"].classes == {"2": 1}


def test_many_names_and_many_rows_cost_no_more_than_their_bytes(store: DatasetStore) -> None:
    names = b", ".join(b'"k%d": 1' % i for i in range(9000))
    dataset = uploaded(store, b"{" + names + b"}\n" + b"{}\n" * 300_000)

    with pytest.raises(BadData, match="is too large as a table"):
        dataset.schema(store)


def test_numbers_that_are_wanted_as_text(store: DatasetStore) -> None:
    stored = uploaded(store, b'{"zip": 1234}\n{"zip": "08001"}\n').source

    dataset = JSONL(source=stored, kinds={"zip": "text"})

    assert dataset.open(store).columns["zip"].tolist() == ["1234", "08001"]
    assert dataset.head(store, 1).columns["zip"].tolist() == ["1234"]
