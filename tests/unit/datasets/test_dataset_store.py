"""Uploads: named by what they hold, stored once, and never half."""

import hashlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.dataset_store import DatasetStore
from modelyard.errors import InvalidRequest, NotFound, ResourceExhausted

CONTENT = b"a,b\n1,2\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "datasets")


def files(store: DatasetStore) -> list[str]:
    found = store.root.rglob("*")
    return sorted(f.relative_to(store.root).as_posix() for f in found if f.is_file())


def test_bytes_are_found_by_their_digest(store: DatasetStore) -> None:
    assert store.put(io.BytesIO(CONTENT), name="two.csv") == DIGEST
    assert store.path(DIGEST).read_bytes() == CONTENT
    assert files(store) == [f"sha256/{DIGEST[:2]}/{DIGEST}", f"sha256/{DIGEST[:2]}/{DIGEST}.json"]


def test_the_same_bytes_are_stored_once_under_their_first_name(store: DatasetStore) -> None:
    store.put([CONTENT[:3], CONTENT[3:]], name="first.csv")
    store.put([CONTENT], name="second.csv")

    [info] = store.list()
    assert (info.digest, info.name, info.size) == (DIGEST, "first.csv", len(CONTENT))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\a.csv", "a.csv"),
        ("a\x1b[31m\n.csv", "a[31m.csv"),
        ("x" * 999, "x" * 200),
    ],
)
def test_a_name_is_for_people_only(store: DatasetStore, given: str, kept: str) -> None:
    assert store.info(store.put([CONTENT], name=given)).name == kept


def test_more_than_the_limit_leaves_nothing(store: DatasetStore) -> None:
    with pytest.raises(ResourceExhausted, match="larger than the 7 bytes"):
        store.put([CONTENT], limit=7)

    assert files(store) == []
    assert store.put([CONTENT], limit=8) == DIGEST


def test_an_upload_that_breaks_off_leaves_nothing(store: DatasetStore) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put(broken())

    assert files(store) == []


def test_what_a_crash_left_is_swept_a_day_later(store: DatasetStore) -> None:
    store.put([CONTENT])
    old, new = (store.root / "sha256" / f".{name}.tmp" for name in ("old", "new"))
    for file in (old, new):
        file.write_bytes(b"half")
    yesterday = time.time() - 86_500
    os.utime(old, (yesterday, yesterday))

    store.put([CONTENT])

    assert (old.exists(), new.exists()) == (False, True)


def test_nothing_is_no_dataset(store: DatasetStore) -> None:
    with pytest.raises(InvalidRequest, match="the upload is empty"):
        store.put([])


@pytest.mark.parametrize("digest", ["../" * 10 + "etc/passwd", DIGEST.upper(), DIGEST[:-1], ""])
def test_only_digests_are_looked_up(store: DatasetStore, digest: str) -> None:
    store.put([CONTENT])

    for ask in (store.path, store.info, store.delete):
        with pytest.raises(InvalidRequest, match="64 hexadecimal digits"):
            ask(digest)


def test_what_is_deleted_is_gone(store: DatasetStore) -> None:
    store.delete(store.put([CONTENT]))

    assert files(store) == []
    assert store.list() == []
    with pytest.raises(NotFound):
        store.path(DIGEST)


def test_a_crash_before_the_name_was_written_loses_no_more_than_the_name(
    store: DatasetStore,
) -> None:
    store.put([CONTENT], name="two.csv")
    store.path(DIGEST).with_suffix(".json").unlink()

    info = store.info(DIGEST)

    assert (info.name, info.size) == ("", len(CONTENT))
    assert store.path(DIGEST).read_bytes() == CONTENT
