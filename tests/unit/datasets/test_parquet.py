"""Parquet as data frames and data hubs write it."""

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import Parquet
from modelyard.errors import BadData, InvalidRequest


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "store")


def uploaded(store: DatasetStore, columns: dict[str, Any], **fields: Any) -> Parquet:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, row_group_size=2)
    digest = store.put([sink.getvalue().to_pybytes()], name="t.parquet")
    return Parquet(source=f"dataset://{digest}", **fields)


def test_columns_of_all_kinds(store: DatasetStore) -> None:
    day, time = dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 12, 30)
    dataset = uploaded(
        store,
        {
            "int": [1, None, 3],
            "decimal": [decimal.Decimal("1.50"), None, decimal.Decimal("2.25")],
            "flag": [True, None, False],
            "word": pa.array(["a", "b", None]).dictionary_encode(),
            "day": [day, None, day],
            "time": pa.array([time, time, None], pa.timestamp("ns")),
            "bytes": [b"x", b"yy", b""],
            "image": [{"bytes": b"png", "path": "1.png"}] * 3,
            "vector": pa.array([[1, 2]] * 3, pa.list_(pa.float32(), 2)),
            "nothing": pa.nulls(3),
        },
    )

    examples = dataset.open(store)

    found = examples.columns
    np.testing.assert_array_equal(found["int"], [1, np.nan, 3])
    np.testing.assert_array_equal(found["decimal"], [1.5, np.nan, 2.25])
    assert found["flag"].tolist() == ["true", "", "false"]
    assert found["word"].tolist() == ["a", "b", ""]
    assert found["day"].tolist() == ["2026-01-31", "", "2026-01-31"]
    assert dt.datetime.fromisoformat(found["time"][1]) == time
    assert found["bytes"].tolist() == [b"x", b"yy", b""]
    assert found["image"].tolist() == [b"png"] * 3
    assert found["vector"].tolist() == [[1, 2]] * 3
    assert found["nothing"].tolist() == ["", "", ""]
    assert examples.where(2) == "t.parquet:2"

    schema = dataset.schema(store)
    kinds = {name: column.kind for name, column in schema.columns.items()}
    assert kinds == {
        **dict.fromkeys(("int", "decimal"), "number"),
        **dict.fromkeys(("flag", "word", "day", "time", "nothing"), "text"),
        **dict.fromkeys(("bytes", "image"), "bytes"),
        "vector": "array",
    }
    assert (schema.rows, schema.columns["vector"].shape) == (3, (2,))
    assert schema.columns["word"].classes == ("a", "b")
    assert len(dataset.head(store, 2)) == 2


def test_kinds_that_are_given(store: DatasetStore) -> None:
    columns = {"zip": [1234, 8001], "size": ["1.5", "2"]}
    dataset = uploaded(store, columns, kinds={"zip": "text", "size": "number"})

    examples = dataset.open(store)

    assert examples.columns["zip"].tolist() == ["1234", "8001"]
    assert examples.columns["size"].tolist() == [1.5, 2.0]
    assert dataset.schema(store).columns["zip"].classes == ("1234", "8001")


@pytest.mark.parametrize(
    ("columns", "kinds", "field"),
    [
        ({"size": ["1", "big"]}, {"size": "number"}, "t.parquet:1"),
        ({"size": [1]}, {"width": "number"}, "dataset.kinds.width"),
        ({"x": pa.array([[1], [2, 3]])}, {}, "t.parquet[x]"),
        ({"x": pa.array([1], pa.duration("s"))}, {}, "t.parquet[x]"),
        ({"x": pa.array([None, [1, 2]], pa.list_(pa.int8(), 2))}, {}, "t.parquet[x]"),
    ],
)
def test_what_cannot_be_read_is_named(
    store: DatasetStore, columns: dict[str, Any], kinds: dict[str, Any], field: str
) -> None:
    dataset = uploaded(store, columns, kinds=kinds)

    for ask in (dataset.schema, dataset.open):
        with pytest.raises(InvalidRequest) as caught:
            ask(store)
        assert caught.value.violations[0].field == field


def test_a_reader_that_is_killed_takes_nobody_with_it(
    store: DatasetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoders have defects; theirs must end their own process only."""
    dataset = uploaded(store, {"x": [1]})
    monkeypatch.setattr("modelyard.datasets.isolation.MODULE", "os.path.nothing")

    with pytest.raises(BadData, match="could not be looked through"):
        dataset.schema(store)
