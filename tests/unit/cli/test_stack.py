"""The state file tells of what runs now, never of what once ran."""

import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.cli import stack
from modelyard.cli.stack import RunningService, Stack
from modelyard.errors import AlreadyExists

HOLD = """
import sys, time
from pathlib import Path
from modelyard.cli import stack
with stack.claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def a_stack(home: Path) -> Stack:
    service = RunningService("jobs", 12, "http://127.0.0.1:7070", "", "jobs.log", 0.5)
    return Stack(11, str(home), "http://127.0.0.1:7070", "127.0.0.1:50051", 1.5).with_service(
        service
    )


def test_an_old_file_means_nothing(tmp_path: Path) -> None:
    assert stack.running(tmp_path) is None
    with stack.claimed(tmp_path):
        stack.write(a_stack(tmp_path))
    assert stack.running(tmp_path) is None
    with stack.claimed(tmp_path):  # another one, which has not said yet where it runs
        assert stack.running(tmp_path) is None


def test_the_claim_is_seen_by_others_and_ends_with_the_process(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
    stack.write(a_stack(tmp_path))

    assert stack.running(tmp_path) == a_stack(tmp_path)
    with pytest.raises(AlreadyExists), stack.claimed(tmp_path):
        pass

    holder.kill()
    holder.wait()
    assert stack.running(tmp_path) is None
    with stack.claimed(tmp_path):
        pass
