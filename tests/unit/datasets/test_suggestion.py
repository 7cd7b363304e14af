"""What a file probably is, told by its first bytes and its name."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.datasets.suggestion import suggest


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"x")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("cat/a.png"))
    return file.getvalue()


def arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.arange(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "suggested"),
    [
        (b"a,b\n1,2\n", "t.csv", {"type": "csv"}),
        (b"a\tb\n1\t2\n", "t.tsv", {"type": "csv", "delimiter": "tab"}),
        (b"a\n1\n", "t.tsv", {"type": "csv", "delimiter": "tab"}),
        (b"a;b\n1,5;2\n", "t.csv", {"type": "csv", "delimiter": "semicolon"}),
        (b'a|"b|c"\n1|2\n', "t.txt", {"type": "csv", "delimiter": "pipe"}),
        ("a,ü\n1,2\n".encode("latin-1"), "t.csv", {"type": "csv", "encoding": "latin-1"}),
        ("a,ü\n1,2\n".encode("utf-16"), "t.csv", {"type": "csv", "encoding": "utf-16"}),
        ("a,ü\n1,2\n".encode("utf-8-sig"), "t.csv", {"type": "csv"}),
        (b"text\nHello, you\n", "", {"type": "csv"}),
        (b'{"a": 1}\n', "", {"type": "jsonl"}),
        (b"", "t.jsonl", None),
        (b"PAR1....PAR1", "x", {"type": "parquet"}),
        (arrays(), "", {"type": "npz"}),
        (zipped("cat/a.png"), "pets.zip", {"type": "image_folder"}),
        (tarred(), "", {"type": "image_folder"}),
        (gzip.compress(tarred()), "", {"type": "image_folder"}),
        (bytes(range(256)), "x.bin", None),
    ],
)
def test_suggestion(
    tmp_path: Path, content: bytes, name: str, suggested: dict[str, Any] | None
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)

    assert suggest(file, name) == suggested
