"""Which processor a worker takes; a driver is played by a script that prints what nvidia-smi prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard import gpus
from modelyard.errors import InvalidRequest
from modelyard.gpus import Usage
from modelyard.training import devices
from modelyard.training.devices import CPU, Device


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        '*memory*) printf "0, 1024, 50\\n1, 2048, [N/A]\\n" ;;\n'
        '*) printf "0\\n1\\n" ;;\n'
        "esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("modelyard.gpus.NVIDIA_DRIVER", tmp_path)


@pytest.mark.parametrize(
    ("wanted", "there", "device"),
    [
        ("auto", (), CPU),
        ("auto", ("0", "1"), Device("gpu", "0")),
        ("cpu", ("0",), CPU),
        ("1", ("0", "1"), Device("gpu", "1")),
    ],
)
def test_a_worker_takes_what_it_is_told_and_what_is_there(
    wanted: str, there: tuple[str, ...], device: Device
) -> None:
    assert devices.choose(wanted, gpus=there) == device


def test_a_gpu_that_is_not_there_is_an_error_that_says_what_is() -> None:
    with pytest.raises(InvalidRequest, match="auto, cpu or one of 0, 1"):
        devices.choose("7", gpus=("0", "1"))


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.gpus.NVIDIA_DRIVER", tmp_path / "none")
    assert gpus.indexes() == ()


@pytest.mark.usefixtures("two_gpus")
def test_gpus_and_their_usage_are_read_off_the_driver() -> None:
    assert gpus.indexes() == ("0", "1")
    assert gpus.usage("0") == Usage(1024**3, 0.5)
    assert gpus.usage("1") is None  # it does not say
    assert gpus.usage("7") is None


def test_a_worker_that_is_told_a_gpu_that_is_not_there_ends_at_once_and_says_so(
    tmp_path: Path,
) -> None:
    environment = os.environ | {"MODELYARD_DEVICE": "7", "MODELYARD_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "modelyard.training"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 78
    assert "MODELYARD_DEVICE" in ended.stderr
