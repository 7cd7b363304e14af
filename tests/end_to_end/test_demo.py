"""What the README promises first: three models trained, published, asked and measured by one command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(400)
def test_the_demo_does_what_it_says() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
    done = subprocess.run(
        [sys.executable, "-m", "modelyard.cli.demo"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=380,
    )
    said = done.stderr
    assert done.returncode == 0, said
    assert float(result(said, "digits", "accuracy")) >= 0.97
    assert float(result(said, "sms", "accuracy")) >= 0.97
    assert float(result(said, "airline", "mase")) < 1.57  # that of the seasonal naive
    assert re.search(r"first gRPC prediction of the new network [\d.]+ s after the start", said)
    for metric in (
        'modelyard_jobs{queue="train",state="SUCCEEDED"} 3.0',
        "modelyard_training_value",
        "modelyard_inference_request_seconds_count",
    ):
        assert metric in said
    assert "nothing is left running" in said


def result(said: str, model: str, metric: str) -> str:
    results = said.partition("Results on held-out examples")[2]
    found = re.search(rf"^ *{model} .*\b{metric} ([\d.]+)", results, re.MULTILINE)
    assert found, results
    return found[1]
