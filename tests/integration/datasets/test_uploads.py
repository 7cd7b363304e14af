"""Uploads through the API: to disk as they come, resumed where they broke off, refused with nothing left."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from modelyard.dataset_store import DatasetStore, Uploads
from modelyard.jobs.app import create_app
from modelyard.settings import JobsSettings

CONTENT = b"x,y\n" + b"".join(b"%d,%s\n" % (i, b"ab"[i % 2 : i % 2 + 1]) for i in range(100_000))
DIGEST = hashlib.sha256(CONTENT).hexdigest()
LIMIT = 4 * 1024 * 1024


def tree(home: Path) -> list[str]:
    """All files but those of no meaning."""
    return sorted(
        f.relative_to(home).as_posix() for f in (home / "datasets").rglob("*") if f.is_file()
    )


def begin(api: TestClient, **fields: Any) -> str:
    body = {"filename": "table.csv", "bytes": len(CONTENT), **fields}
    answer = api.post("/v1/uploads", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def send(api: TestClient, place: str, offset: int, content: bytes) -> httpx2.Response:
    return api.patch(place, content=content, headers={"Upload-Offset": str(offset)})


def test_a_body_is_kept_once_and_its_format_guessed(api: TestClient, tmp_path: Path) -> None:
    for _ in range(2):
        answer = api.post("/v1/datasets?filename=table.csv", content=CONTENT)
        assert answer.status_code == 201
        assert answer.json() == {
            "digest": DIGEST,
            "uri": f"dataset://{DIGEST}",
            "bytes": len(CONTENT),
            "suggested": {"type": "csv"},
        }
    stored = f"datasets/sha256/{DIGEST[:2]}/{DIGEST}"
    assert tree(tmp_path) == [stored, f"{stored}.json"]
    assert (tmp_path / stored).read_bytes() == CONTENT


def test_a_dataset_has_a_limit_of_its_own(api: TestClient, tmp_path: Path) -> None:
    """Larger than any other body may be, and still bounded, whether its length is declared or not."""

    def drip() -> Iterator[bytes]:
        for _ in range(LIMIT // 100_000 + 1):
            yield bytes(100_000)

    for content in (bytes(LIMIT + 1), drip()):
        answer = api.post("/v1/datasets", content=content)
        assert (answer.status_code, answer.json()["reason"]) == (413, "REQUEST_TOO_LARGE")
        assert answer.json()["violations"][0]["expected"] == f"at most {LIMIT} bytes"
        assert answer.json()["request_id"]
    assert tree(tmp_path) == []
    assert api.post("/v1/jobs", content=bytes(1001)).status_code == 413
    refused = api.post("/v1/uploads", json={"bytes": LIMIT + 1})
    assert (refused.status_code, refused.json()["violations"][0]["field"]) == (413, "bytes")


def test_an_upload_goes_on_where_it_broke_off_even_after_a_restart(
    settings: JobsSettings, tmp_path: Path
) -> None:
    with TestClient(create_app(settings)) as api:
        place = begin(api, sha256=DIGEST)
        assert send(api, place, 0, CONTENT[:300_000]).json()["offset"] == 300_000
    with TestClient(create_app(settings)) as api:
        head = api.head(place)
        assert head.headers["upload-offset"] == "300000"
        assert send(api, place, 300_000, CONTENT[300_000:301_000]).json()["offset"] == 301_000
        last = send(api, place, 301_000, CONTENT[301_000:]).json()
        assert (last["digest"], last["offset"]) == (DIGEST, len(CONTENT))
        assert last["suggested"] == {"type": "csv"}
        # a client that lost the answer asks, or sends nothing more
        assert api.get(place).json() == last
        assert send(api, place, len(CONTENT), b"").json() == last
    assert (tmp_path / f"datasets/sha256/{DIGEST[:2]}/{DIGEST}").read_bytes() == CONTENT
    assert not any(name.endswith(".part") for name in tree(tmp_path))


def test_bytes_that_are_known_need_not_be_sent(api: TestClient) -> None:
    api.post("/v1/datasets?filename=table.csv", content=CONTENT)

    answer = api.post("/v1/uploads", json={"bytes": len(CONTENT), "sha256": DIGEST}).json()

    assert (answer["digest"], answer["offset"]) == (DIGEST, len(CONTENT))


def test_a_wrong_offset_is_answered_with_the_right_one(api: TestClient) -> None:
    place = begin(api)
    send(api, place, 0, CONTENT[:1000])

    for offset in (0, 999, 1001):
        answer = send(api, place, offset, b"xx")
        assert (answer.status_code, answer.json()["reason"]) == (409, "OFFSET_MISMATCH")
        assert answer.json()["violations"][0]["expected"] == "1000"
        assert answer.headers["upload-offset"] == "1000"
    assert api.get(place).json()["offset"] == 1000


def test_other_bytes_than_were_announced_are_refused(api: TestClient, tmp_path: Path) -> None:
    place = begin(api, sha256=DIGEST)

    answer = send(api, place, 0, CONTENT[:-1] + b"?")

    assert (answer.status_code, answer.json()["reason"]) == (400, "DIGEST_MISMATCH")
    assert answer.json()["violations"][0]["expected"] == DIGEST
    assert api.get(place).json()["reason"] == "UPLOAD_NOT_FOUND"
    assert tree(tmp_path) == []


def test_more_bytes_than_were_announced_are_refused(api: TestClient) -> None:
    place = begin(api, bytes=10)

    for content in (b"12345678901", iter([b"123456", b"78901"])):
        answer = send(api, place, 0, content)  # type: ignore[arg-type]  # httpx2 takes iterators
        assert (answer.status_code, answer.json()["reason"]) == (400, "UPLOAD_OVERRUN")
    assert send(api, place, 0, b"1234567890").json()["bytes"] == 10


def test_one_writer_at_a_time(api: TestClient, tmp_path: Path) -> None:
    place = begin(api)
    another_replica = Uploads(DatasetStore(tmp_path / "datasets"))

    with another_replica.append(place.rpartition("/")[2], 0) as writing:
        writing.write(CONTENT[:1000])
        answer = send(api, place, 0, b"xx")

    assert (answer.status_code, answer.json()["reason"]) == (409, "UPLOAD_BUSY")
    assert api.get(place).json()["offset"] == 1000


def test_only_so_many_are_under_way(api: TestClient) -> None:
    places = [begin(api) for _ in range(3)]

    answer = api.post("/v1/uploads", json={"bytes": 5})
    assert (answer.status_code, answer.json()["reason"]) == (429, "TOO_MANY_UPLOADS")
    assert int(answer.headers["retry-after"]) > 0
    assert api.delete(places[0]).status_code == 204
    assert api.get(places[0]).status_code == 404
    begin(api)


def test_an_upload_is_abandoned_after_a_day(api: TestClient, tmp_path: Path) -> None:
    place = begin(api)
    yesterday = time.time() - 86_500
    for file in (tmp_path / "datasets/uploads").iterdir():
        os.utime(file, (yesterday, yesterday))

    begin(api)

    assert api.get(place).json()["reason"] == "UPLOAD_NOT_FOUND"
    assert len(tree(tmp_path)) == 2


def test_the_disk_is_not_filled(settings: JobsSettings, tmp_path: Path) -> None:
    full = settings.model_copy(update={"min_free_bytes": 2**62})
    with TestClient(create_app(full)) as api:
        for answer in (
            api.post("/v1/uploads", json={"bytes": 5}),
            api.post("/v1/datasets", content=b"x\n1\n"),
        ):
            assert answer.json()["reason"] == "NO_SPACE"
    assert tree(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "bytes"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": -1}, "bytes"),
        ({"bytes": "many"}, "bytes"),
        ({"bytes": 1, "sha256": "abc"}, "sha256"),
        ({"bytes": 1, "filename": "x" * 256}, "filename"),
        ({"bytes": 1, "path": "/etc"}, "path"),
    ],
)
def test_a_wrong_field_is_named(api: TestClient, body: dict[str, Any], field: str) -> None:
    answer = api.post("/v1/uploads", json=body)

    assert answer.status_code == 400
    assert [v["field"] for v in answer.json()["violations"]] == [field]


@pytest.mark.parametrize("upload", ["0" * 32, "..%2f..%2fetc%2fpasswd", "x"])
def test_what_is_no_upload(api: TestClient, upload: str) -> None:
    for answer in (
        api.get(f"/v1/uploads/{upload}"),
        api.delete(f"/v1/uploads/{upload}"),
        send(api, f"/v1/uploads/{upload}", 0, b"x"),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize("offset", ["-1", "x", ""])
def test_a_wrong_offset_is_named(api: TestClient, offset: str) -> None:
    answer = api.patch(begin(api), content=b"x", headers={"Upload-Offset": offset})

    assert answer.status_code == 400
    assert answer.json()["violations"][0]["field"] == "Upload-Offset"
