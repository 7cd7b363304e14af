"""Looking into datasets through the API: what the columns hold, how often each class comes, the first rows."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient


def sent(api: TestClient, content: bytes, name: str) -> str:
    return str(api.post(f"/v1/datasets?filename={name}", content=content).json()["digest"])


def parquet() -> bytes:
    file = io.BytesIO()
    table = pa.table({"size": [1.5, None, 3.0], "label": ["a", "b", "a"]})
    pyarrow.parquet.write_table(table, file)
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, size=np.array([1.5, np.nan, 3.0]), label=np.array(["a", "b", "a"]))
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("a/1.png", "b/2.png", "a/3.png"):
            archive.writestr(name, b"12345")
    return file.getvalue()


FILES = {
    "csv": (b"size,label\n1.5,a\n,b\n3,a\n", "t.csv"),
    "tsv": (b"size\tlabel\n1.5\ta\n\tb\n3\ta\n", "t.tsv"),
    "semicolons": (b"size;label\n1.5;a\n;b\n3;a\n", "t.csv"),
    "jsonl": (
        b'{"size": 1.5, "label": "a"}\n{"label": "b"}\n{"size": 3, "label": "a"}',
        "t.jsonl",
    ),
    "npz": (npz(), "t.npz"),
    "parquet": (parquet(), "t.parquet"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_says_the_same_without_being_told(api: TestClient, name: str) -> None:
    digest = sent(api, *FILES[name])

    schema = api.get(f"/v1/datasets/{digest}/schema").json()

    size, label = schema["columns"]
    assert schema["rows"] == 3
    assert schema["dataset"]["source"] == f"dataset://{digest}"
    assert (size["name"], size["kind"], size["missing"]) == ("size", "number", 1)
    assert (size["min"], size["max"], size["mean"]) == (1.5, 3.0, 2.25)
    assert (label["kind"], label["classes"], label["distinct"]) == ("text", {"a": 2, "b": 1}, 2)
    rows = api.get(f"/v1/datasets/{digest}/preview?rows=2").json()["rows"]
    assert rows == [{"size": 1.5, "label": "a"}, {"size": None, "label": "b"}]


def test_a_folder_of_images(api: TestClient) -> None:
    digest = sent(api, zipped(), "pets.zip")

    schema = api.get(f"/v1/datasets/{digest}/schema").json()

    assert schema["dataset"]["type"] == "image_folder"
    assert schema["columns"][1]["classes"] == {"a": 2, "b": 1}
    rows = api.get(f"/v1/datasets/{digest}/preview?rows=1").json()["rows"]
    assert rows == [{"image": {"bytes": 5}, "label": "a"}]


def test_what_is_guessed_can_be_overridden(api: TestClient) -> None:
    digest = sent(api, b"zip,n\n08001,?\n10115,3\n", "t.csv")

    fields = "missing=%3F&kinds=zip:text"
    zips, numbers = api.get(f"/v1/datasets/{digest}/schema?{fields}").json()["columns"]

    assert (zips["kind"], zips["classes"]) == ("text", {"08001": 1, "10115": 1})
    assert (numbers["kind"], numbers["missing"]) == ("number", 1)
    plain = api.get(f"/v1/datasets/{digest}/schema").json()["columns"]
    assert plain[1]["not_numbers"] == [["t.csv:2", "'?'"]]
    refused = api.get(f"/v1/datasets/{digest}/schema?kinds=n:number").json()
    assert (refused["reason"], refused["violations"][0]["field"]) == ("BAD_DATA", "t.csv:2")


def test_the_built_in_datasets(api: TestClient) -> None:
    listed = {d["name"]: d for d in api.get("/v1/datasets/builtin").json()["datasets"]}

    assert listed["digits"]["suggested"] == {"type": "npz"}
    assert listed["airline"]["uri"] == "builtin://airline"
    digits = api.get("/v1/datasets/builtin/digits/schema").json()
    assert (digits["rows"], digits["columns"][0]["shape"]) == (1797, [8, 8, 1])
    [row] = api.get("/v1/datasets/builtin/digits/preview?rows=1").json()["rows"]
    assert row == {"image": {"shape": [8, 8, 1]}, "label": row["label"]}
    assert api.get("/v1/datasets/builtin/nothing/schema").status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("rows=0", "rows"),
        ("rows=101", "rows"),
        ("rows=x", "rows"),
        ("type=excel", "type"),
        ("type=csv&delimiter=commas", "delimiter"),
        ("type=csv&encoding=klingon", "encoding"),
        ("type=csv&header=perhaps", "header"),
        ("type=npz&delimiter=tab", "delimiter"),
        ("kinds=size", "kinds"),
        ("kinds=size:date", "kinds"),
        ("nonsense=1", "nonsense"),
    ],
)
def test_a_wrong_field_is_named(api: TestClient, query: str, field: str) -> None:
    answer = api.get(f"/v1/datasets/{sent(api, *FILES['csv'])}/preview?{query}")

    assert answer.status_code == 400, answer.text
    assert [v["field"] for v in answer.json()["violations"]] == [field]


def test_what_cannot_be_guessed_is_asked_for(api: TestClient) -> None:
    answer = api.get(f"/v1/datasets/{sent(api, bytes(100), 'x.bin')}/schema")

    assert (answer.status_code, answer.json()["reason"]) == (400, "UNKNOWN_FORMAT")


@pytest.mark.parametrize("what", ["", "/schema", "/preview"])
@pytest.mark.parametrize(("digest", "status"), [("0" * 64, 404), ("x", 400)])
def test_what_was_not_uploaded(api: TestClient, what: str, digest: str, status: int) -> None:
    assert api.get(f"/v1/datasets/{digest}{what}").status_code == status


def test_answers_are_json_whatever_the_numbers_are(api: TestClient) -> None:
    digest = sent(api, b"a,b\n1e999,nan\n-1e999,1\n", "t.csv")

    def strict(constant: str) -> Any:
        raise AssertionError(constant)

    for what in ("schema", "preview"):
        json.loads(api.get(f"/v1/datasets/{digest}/{what}").text, parse_constant=strict)
