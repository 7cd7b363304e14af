"""Archives of arrays, honest and hostile: nothing is unpickled, and nothing is allocated on a header's word."""

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import NPZ
from modelyard.errors import BadData

GIB = 1024**3


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path)


def uploaded(store: DatasetStore, content: bytes) -> NPZ:
    return NPZ(source=f"dataset://{store.put([content], name='data.npz')}")


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def array_file(shape: str, dtype: str = "<f8", data: bytes = b"") -> bytes:
    """An .npy file whose header says what it likes."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def refusal(store: DatasetStore, content: bytes) -> BadData:
    dataset = uploaded(store, content)
    with pytest.raises(BadData) as caught:
        dataset.schema(store)
    with pytest.raises(BadData):
        dataset.open(store)
    return caught.value


def test_arrays_texts_and_bytes(store: DatasetStore) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    content = archive(image=images, label=np.array(["é", "b"]), png=np.array([b"x\x01", b"yy"]))

    examples = uploaded(store, content).open(store)

    np.testing.assert_array_equal(examples.columns["image"], images)
    assert examples.columns["label"].tolist() == ["é", "b"]
    assert examples.columns["png"].tolist() == [b"x\x01", b"yy"]
    assert examples.where(1) == "data.npz:1"


def test_schema(store: DatasetStore) -> None:
    content = archive(image=np.zeros((3, 8, 8, 1), np.uint8), label=np.array([10, 9, 9]))

    schema = uploaded(store, content).schema(store)

    assert schema.rows == 3
    assert (schema.columns["image"].kind, schema.columns["image"].shape) == ("array", (8, 8, 1))
    assert schema.columns["label"].classes == ("9", "10")


class Bomb:
    """What a pickle would do if it were read."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was read",))


def test_a_pickle_is_never_read(store: DatasetStore) -> None:
    hostile = array_file("(1,)", "|O", pickle.dumps(np.array([Bomb()], dtype=object)))

    assert "pickled objects" in refusal(store, zipped({"x.npy": hostile})).message


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (array_file(f"({10 * GIB},)", data=b"12345678"), "not as long as it says"),
        (array_file("(2, 9223372036854775807, 9223372036854775807)"), "not as long as it says"),
        (array_file("(2,)", data=b"12345678"), "not as long as it says"),
        (array_file("(-1,)", data=b"12345678"), "not as long as it says"),
        (array_file("()", data=b"12345678"), "single value"),
        (array_file("(1,)", "<c16", b"1234567812345678"), "not known here"),
        (array_file("(1,)", "<M8[s]", b"12345678"), "not known here"),
        (array_file("(1, 1)", "<U2", b"12345678"), "not known here"),
        (array_file("__import__('os').getpid()"), "is no array"),
        (b"\x93NUMPY\x09\x00", "is no array"),
        (b"hello", "is no array"),
        (b"", "is no array"),
    ],
)
def test_headers_that_lie(store: DatasetStore, member: bytes, message: str) -> None:
    error = refusal(store, zipped({"x.npy": member}))

    assert error.violations[0].field == "data.npz[x]"
    assert message in error.message


def test_a_bomb_is_not_unpacked(store: DatasetStore) -> None:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("x.npy", "w") as member,
    ):
        member.write(array_file(f"({GIB // 2},)", "|u1"))
        for _ in range(512):
            member.write(bytes(1024 * 1024))

    tracemalloc.start()
    error = refusal(store, file.getvalue())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "far more than it is" in error.message
    assert peak < 32 * 1024 * 1024


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "no readable archive"),
        (archive(x=np.arange(3))[:-30], "no readable archive"),
        (zipped({}), "archive is empty"),
        (zipped({"readme.txt": b"hello"}), "something that is no array"),
        (archive(x=np.arange(3), y=np.arange(4)), "different numbers of examples"),
        (archive(x=np.zeros((0, 3))), "holds no examples"),
    ],
)
def test_what_is_no_dataset(store: DatasetStore, content: bytes, message: str) -> None:
    with pytest.raises(BadData, match=message):
        uploaded(store, content).open(store)


def test_a_flipped_bit_is_noticed(store: DatasetStore) -> None:
    content = bytearray(archive(x=np.random.default_rng(0).normal(size=1000)))
    content[len(content) // 2] ^= 1

    with pytest.raises(BadData, match=r"no readable archive"):
        uploaded(store, bytes(content)).open(store)
