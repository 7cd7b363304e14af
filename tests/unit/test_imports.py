"""Doors that must open without the heavy libraries, proven in a fresh process each.

The linter of imports sees those inside functions too, so it cannot tell what really gets loaded.
"""

import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "keras", "pandas", "sklearn", "jax", "torch"}
SERVER = {"redis", "celery", "fastapi", "pydantic", "structlog"}


@pytest.mark.parametrize(
    ("module", "must_not_load"),
    [
        pytest.param("modelyard", HEAVY | SERVER | {"numpy", "grpc", "httpx2"}, id="package"),
        pytest.param("modelyard.client", HEAVY | SERVER | {"numpy"}, id="client"),
        pytest.param("modelyard.testing", HEAVY | SERVER | {"numpy"}, id="testing"),
        pytest.param(
            "modelyard.cli.app", HEAVY | SERVER | {"numpy", "grpc", "httpx2", "rich"}, id="cli"
        ),
        pytest.param(
            "modelyard.cli.commands.up", HEAVY | SERVER | {"numpy", "grpc", "httpx2"}, id="up"
        ),
        pytest.param("modelyard.cli.commands.train", HEAVY | SERVER | {"numpy"}, id="train"),
        pytest.param("modelyard.cli.commands.predict", HEAVY | SERVER | {"numpy"}, id="predict"),
        pytest.param("modelyard.job", HEAVY, id="request"),
        pytest.param("modelyard.jobs.app", HEAVY, id="jobs API"),
        pytest.param("modelyard.training.worker", HEAVY, id="worker"),
    ],
)
def test_it_starts_without(module: str, must_not_load: set[str]) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & must_not_load == set()


def test_help_is_immediate() -> None:
    """Measured in CPU seconds of the process, which other work on the machine does not change much."""
    script = (
        "import resource, sys, subprocess;"
        "subprocess.run([sys.executable, '-m', 'modelyard.cli', '--help'], check=True, stdout=subprocess.DEVNULL);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(used.ru_utime + used.ru_stime)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.5
