"""The log of a job: read whole, read on, followed to its end."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.jobs.job_logs import CHUNK, LONGEST_LINE, JobLogs, Place


def events(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(id, event, data) of each."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")
        )
        if fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return found


def ended(yard: Any, digits: dict[str, Any]) -> str:
    job: str = yard.submit(digits)
    yard.api.post(f"/v1/jobs/{job}/cancel")
    return job


def test_every_attempt_is_read_in_order_up_to_an_end_mark(
    yard: Any, digits: dict[str, Any]
) -> None:
    job = ended(yard, digits)
    yard.log(job, 2).write_bytes(b"zwei\nprogress 1\rprogress 2\nohne Ende")
    yard.log(job, 1).write_bytes("eins: é\n\nabgebrochen".encode())
    told = events(yard.api.get(f"/v1/jobs/{job}/logs").text)
    assert [(data["attempt"], data["line"]) for _, event, data in told if event == "log"] == [
        (1, "eins: é"),
        (1, ""),
        (1, "abgebrochen"),
        (2, "zwei"),
        (2, "progress 1\rprogress 2"),
        (2, "ohne Ende"),
    ]
    assert [event for _, event, _ in told].count("end") == 1
    assert told[-1][1] == "end"
    assert told[0][0] == f"1-{len('eins: é'.encode()) + 1}"


def test_a_reader_goes_on_after_any_line(yard: Any, digits: dict[str, Any]) -> None:
    job = ended(yard, digits)
    yard.log(job, 1).write_text("".join(f"line {i}\n" for i in range(50)))
    yard.log(job, 3).write_text("".join(f"more {i}\n" for i in range(50)))
    whole = events(yard.api.get(f"/v1/jobs/{job}/logs").text)
    for at in (0, 17, 49, 50, 98):
        headers = {"Last-Event-ID": whole[at][0]}
        assert events(yard.api.get(f"/v1/jobs/{job}/logs", headers=headers).text) == whole[at + 1 :]


@pytest.mark.parametrize("strange", ["x", "-1", "1-", "9" * 40, "1-99999999", "7-0", "0-0"])
def test_a_strange_place_is_no_error(yard: Any, digits: dict[str, Any], strange: str) -> None:
    job = ended(yard, digits)
    yard.log(job, 1).write_text("one\n")
    answer = yard.api.get(f"/v1/jobs/{job}/logs", headers={"Last-Event-ID": strange})
    assert answer.status_code == 200
    assert events(answer.text)[-1][1] == "end"


def test_a_job_without_a_log_has_an_end(yard: Any, digits: dict[str, Any]) -> None:
    job = ended(yard, digits)
    assert [event for _, event, _ in events(yard.api.get(f"/v1/jobs/{job}/logs").text)] == ["end"]
    assert yard.api.get(f"/v1/jobs/{job}/logs?follow=false").text == ""
    assert yard.api.get("/v1/jobs/nobody/logs").status_code == 404


def test_without_following_it_is_plain_text_even_while_the_job_is_open(
    yard: Any, digits: dict[str, Any]
) -> None:
    job = yard.submit(digits)
    yard.log(job, 1).write_bytes(b"one\n\xff\xfe\n")
    yard.log(job, 2).write_bytes(b"two\nhalf")
    answer = yard.api.get(f"/v1/jobs/{job}/logs?follow=false")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "one\n\ufffd\ufffd\ntwo\nhalf"


class TestReading:
    def write(self, folder: Path, data: bytes, attempt: int = 1) -> JobLogs:
        file = folder / "job" / f"attempt-{attempt}.log"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        return JobLogs(folder)

    def all(self, logs: JobLogs) -> list[tuple[str, bool]]:
        place, found = Place(), []
        while lines := logs.read("job", place, whole=True):
            found += [(line.text, line.partial) for line in lines]
            assert lines[-1].after != place
            place = lines[-1].after
        return found

    def test_a_half_line_is_held_back_until_it_is_whole(self, tmp_path: Path) -> None:
        logs = self.write(tmp_path, b"one\ntw")
        (line,) = logs.read("job", Place(), whole=False)
        assert logs.read("job", line.after, whole=False) == []
        self.write(tmp_path, b"one\ntwo\n")
        assert [line.text for line in logs.read("job", line.after, whole=False)] == ["two"]

    def test_a_line_longer_than_a_chunk_is_one_line(self, tmp_path: Path) -> None:
        long = "é" * CHUNK
        assert self.all(self.write(tmp_path, f"{long}\nnext\n".encode())) == [
            (long, False),
            ("next", False),
        ]

    def test_a_line_without_measure_comes_in_pieces_of_whole_characters(
        self, tmp_path: Path
    ) -> None:
        long = "x" + "é" * LONGEST_LINE
        pieces = self.all(self.write(tmp_path, f"{long}\nnext\n".encode()))
        assert "".join(text for text, _ in pieces[:-1]) == long
        assert [partial for _, partial in pieces] == [True] * (len(pieces) - 2) + [False, False]
        assert pieces[-1] == ("next", False)

    def test_other_files_of_the_folder_are_no_logs(self, tmp_path: Path) -> None:
        logs = self.write(tmp_path, b"mine\n")
        for name in ("attempt-1.json", "attempt-x.log", "other.log"):
            (tmp_path / "job" / name).write_text("not mine\n")
        (tmp_path / "job" / "checkpoint").mkdir()
        assert self.all(logs) == [("mine", False)]

    @given(st.binary(max_size=400))
    def test_any_bytes_come_out_as_python_would_decode_them(
        self, tmp_path_factory: pytest.TempPathFactory, data: bytes
    ) -> None:
        logs = self.write(tmp_path_factory.mktemp("any"), data)
        expected = [
            line.decode(errors="replace").rstrip("\r")
            for line in data.removesuffix(b"\n").split(b"\n")
        ]
        assert [text for text, _ in self.all(logs)] == (expected if data else [])
        assert "".join(logs.text("job")) == data.decode(errors="replace")
