"""How many CPUs there are to compute on, without TensorFlow."""

import os
import subprocess
import sys

import pytest

from modelyard.runtimes import device


def test_no_more_than_the_process_may_use():
    assert 1 <= device.cpus() <= (os.cpu_count() or 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_affinity_counts():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from modelyard.runtimes import device; print(device.cpus())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("150000 100000", 1.5),
        ("max 100000", None),
        ("", None),  # a kernel that says something else
    ],
)
def test_the_quota_of_a_container(tmp_path, monkeypatch, quota, expected):
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    monkeypatch.setattr(device, "_QUOTA_V2", file)
    assert device._quota() == expected
