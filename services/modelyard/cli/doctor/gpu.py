"""The GPUs of this machine, as their driver tells them."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator

from modelyard.cli.doctor.finding import Finding, Severity

_QUERY = "name,driver_version,memory.used,memory.total,utilization.gpu"


def findings() -> Iterator[Finding]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        yield Finding("gpu", Severity.NOTE, "no NVIDIA driver here; the CPU trains and predicts")
        return
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours
            [tool, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding("gpu", Severity.BAD, f"nvidia-smi does not answer: {error}", _RESTART)
        return
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        yield Finding("gpu", Severity.BAD, f"nvidia-smi: {said[0] if said else 'failed'}", _RESTART)
        return
    for line in done.stdout.strip().splitlines():
        yield _gpu(line)
    yield from _libraries()


_RESTART = (
    "the driver and the kernel may not fit each other; after an update of the driver, restart"
)


def _gpu(line: str) -> Finding:
    name, driver, used, total, busy = (part.strip() for part in line.split(","))
    told = f"{name}, driver {driver}, {used} of {total} MiB in use, {busy}% busy"
    return Finding("gpu", Severity.OK, told)


def _libraries() -> Iterator[Finding]:
    """TensorFlow from PyPI finds CUDA in packages of its own."""
    if importlib.util.find_spec("tensorflow") is None:
        return
    if importlib.util.find_spec("nvidia") is None:
        yield Finding(
            "gpu",
            Severity.WARN,
            "there is a GPU, and no CUDA libraries that TensorFlow could find; it will use the CPU",
            "pip install 'modelyard[local,gpu]'",
        )
