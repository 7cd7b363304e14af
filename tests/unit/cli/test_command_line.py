"""The command line as a shell sees it: what it prints where, and its exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = {"MODELYARD_URL": "http://127.0.0.1:1", "MODELYARD_GRPC": "127.0.0.1:1"}


def modelyard(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "modelyard.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=60,
    )


def test_version_and_help_are_data(tmp_path: Path) -> None:
    version = modelyard("--version", cwd=tmp_path)
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("modelyard, version ")
    help = modelyard("--help", cwd=tmp_path)
    assert (help.returncode, help.stderr) == (0, "")
    for command in ("up", "train", "predict", "jobs", "models"):
        assert f"  {command} " in help.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no-such-command"], 2),
        (["train", "no-such-file.yaml"], 2),
        (["jobs", "list", "--limit", "none"], 2),
        (["jobs", "list"], 4),
        (["predict", "digits", "--task", "text_classification", "hello"], 4),
        (["status"], 4),
        (["down"], 0),
    ],
)
def test_exit_codes(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = modelyard(*arguments, cwd=tmp_path, **NOBODY)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if arguments != ["status"]:
        assert done.stdout == ""


def test_an_unreachable_service_says_where_and_what_to_do(tmp_path: Path) -> None:
    done = modelyard("jobs", "list", cwd=tmp_path, **NOBODY)
    assert "error[UNREACHABLE]: nothing answers at http://127.0.0.1:1" in done.stderr
    assert "help: start it with" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_broken_request_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "request.yaml").write_text("task: x\ndataset: {type: csv}}\n")
    for command in ("train", "validate"):
        done = modelyard(command, "request.yaml", cwd=tmp_path, **NOBODY)
        assert done.returncode == 2
        assert "request.yaml is not YAML" in done.stderr
        assert "request.yaml:2:21  " in done.stderr
        assert "2 │ dataset: {type: csv}}" in done.stderr
        assert "nothing was submitted" in done.stderr


def test_a_reader_that_has_had_enough_is_no_failure(tmp_path: Path) -> None:
    command = (
        f"{sys.executable} -m modelyard.cli explain --recursive | head -1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | NOBODY,
    )
    assert done.stdout.splitlines()[-1] == "0", done.stderr
    assert "Error" not in done.stderr
