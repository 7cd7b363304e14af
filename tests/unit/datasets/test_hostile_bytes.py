"""Whatever bytes are uploaded, a reader answers examples or BadData, and nothing else happens."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import CSV, JSONL, NPZ
from modelyard.errors import BadData
from modelyard.examples import Examples

kept = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)
lines = st.lists(
    st.sampled_from(
        ["a,b", '"', '""', ",", "1", "nan", "1e999", "\x00", "\ufeff", "é", "\r", "\n", "x" * 50]
    ),
    max_size=30,
).map(lambda parts: "".join(parts).encode())
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x: st.lists(x, max_size=2)
)


def read(kind: Any, content: bytes, folder: Path, **fields: Any) -> Examples | None:
    store = DatasetStore(folder)
    dataset = kind(source=f"dataset://{store.put([content])}", **fields)
    answers = []
    for ask in (dataset.open, dataset.schema):
        try:
            answers.append(ask(store))
        except BadData:
            answers.append(None)
    examples: Examples | None = answers[0]
    if examples is not None:
        assert answers[1].rows == len(examples) > 0
        assert {len(column) for column in examples.columns.values()} == {len(examples)}
    return examples


@kept
@given(
    st.binary(min_size=1, max_size=200) | lines.filter(bool),
    st.sampled_from(["utf-8", "latin-1", "utf-16"]),
)
def test_csv(tmp_path: Path, content: bytes, encoding: str) -> None:
    read(CSV, content, tmp_path, encoding=encoding)


@kept
@given(
    st.binary(min_size=1, max_size=200)
    | st.lists(st.dictionaries(st.sampled_from("ab"), values), min_size=1).map(
        lambda rows: "\n".join(map(json.dumps, rows)).encode()
    )
)
def test_json_lines(tmp_path: Path, content: bytes) -> None:
    read(JSONL, content, tmp_path)


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
        for name, array in (("x", np.arange(6.0).reshape(3, 2)), ("y", np.array(["a", "b", "c"]))):
            with made.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    return file.getvalue()


ARCHIVE = archive()


@kept
@given(
    st.lists(
        st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(0, 255)), min_size=1, max_size=4
    ),
    st.integers(0, 40),
)
def test_a_damaged_archive(tmp_path: Path, changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(ARCHIVE)
    for place, value in changes:
        content[place] = value

    read(NPZ, bytes(content[: len(content) - cut]), tmp_path)


def test_the_archive_that_is_damaged_is_good(tmp_path: Path) -> None:
    examples = read(NPZ, ARCHIVE, tmp_path)

    assert examples is not None
    assert examples.columns["y"].tolist() == ["a", "b", "c"]
