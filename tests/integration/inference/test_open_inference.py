"""The Open Inference Protocol, asked by the unmodified `tritonclient` in its forms."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CLIENT = Path(__file__).parent / "triton_client.py"


@pytest.fixture(scope="session")
def python() -> str:
    """A Python that has `tritonclient`, which pins an older protobuf than ours: most have one of its own for it."""
    found = os.environ.get("TRITONCLIENT_PYTHON", "")
    if not found and importlib.util.find_spec("tritonclient") is None:
        pytest.skip("TRITONCLIENT_PYTHON names no Python with tritonclient[grpc,http]")
    return found or sys.executable


def asked(python: str, port: int, form: str) -> Any:
    run = subprocess.run(
        [python, str(CLIENT), str(port), form], capture_output=True, timeout=60, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture
def service(start: Any, publish: Any) -> Any:
    publish("times2", "arithmetic", 2)
    publish("times3", "arithmetic", 10)
    (publish.without_manifest("times2", "broken", 1) / "saved_model.pb").write_bytes(b"garbage")
    return start(rest_port=0, keep_loaded=2)


@pytest.mark.parametrize("form", ["grpc", "grpc.aio", "http", "http.aio"])
def test_tritonclient_works_as_it_is(python: str, service: Any, form: str) -> None:
    is_http = form.startswith("http")
    answers = asked(python, service.rest_port if is_http else service.port, form)

    assert answers["asked"] == {
        "live": True,
        "ready": True,
        "model_ready": [True, True, False, False],
        "spec": ["arithmetic", "10", "mine"],
        "y": [[3.0, 6.0, 9.0, 12.0]],
        "total": [30.0],
        "older": [[20.0], True],
        "words": ["AB", "\xff"],
        "lengths": [2, 1],
        "pair": [2.0, 2.0],
        "empty": [0, 4],
    }

    told = answers["about"]
    statistics = told.pop("statistics")
    assert told == {
        "name": "modelyard",
        "has_binary": True,
        "model": ["arithmetic", ["2", "10"], "tensorflow_savedmodel"],
        "inputs": [["x", "FP32", [-1, 4]]],
        "config": ["arithmetic", "tensorflow", 64],
        "dims": [["x", "TYPE_FP32", [4]]],  # without the batch
        "index": [
            ["arithmetic", "10", "READY", False],
            ["arithmetic", "2", "READY", False],
            ["broken", "1", "UNAVAILABLE", True],
        ],
    }
    name, version, inferences, runs, successes, queued = statistics
    assert (name, version) == ("arithmetic", "10")
    # One row of x, two words, two pairs, and an empty batch.
    assert (inferences, runs, successes, queued) == (5, 4, 4, 4)

    assert answers["errors"].keys() == ERRORS.keys()
    for case, (code, status, text) in ERRORS.items():
        got_code, got_text = answers["errors"][case]
        assert got_code == (str(status) if is_http else f"StatusCode.{code}"), (case, got_text)
        assert text in got_text, (case, got_text)

    if not is_http:
        first, second, third = answers["streamed"]
        assert (first, third) == (["1", 30.0], ["3", 30.0]) or (first[1:], third[1:]) == (
            [30.0],
            [30.0],
        )
        assert "Request for unknown model: 'nobody' is not found" in second


ERRORS = {
    "unknown_model": [
        "INVALID_ARGUMENT",
        400,
        "Request for unknown model: 'nobody' is not found",
    ],
    "unknown_version": [
        "NOT_FOUND",
        404,
        "Request for unknown model: 'arithmetic' version 9 is not found",
    ],
    "no_version": ["INVALID_ARGUMENT", 400, "version should be an integer > 0"],
    "quarantined": [
        "UNAVAILABLE",
        503,
        "Request for unknown model: 'broken' is not at ready state",
    ],
    "unexpected_input": [
        "INVALID_ARGUMENT",
        400,
        "unexpected inference input 'z' for model 'arithmetic'",
    ],
    "wrong_datatype": [
        "INVALID_ARGUMENT",
        400,
        "inference input 'x' data-type is 'FP64', but model 'arithmetic' expects 'FP32'",
    ],
    "wrong_shape": [
        "INVALID_ARGUMENT",
        400,
        "unexpected shape for input 'x' for model 'arithmetic'. Expected [-1,4], got [2,5].",
    ],
    "missing_input": [
        "INVALID_ARGUMENT",
        400,
        "expected 2 inputs but got 1 inputs for model 'arithmetic'. Got input(s) ['a'], "
        "but missing required input(s) ['b']. Please provide all required input(s).",
    ],
    "unknown_output": [
        "INVALID_ARGUMENT",
        400,
        "unexpected inference output 'z' for model 'arithmetic'",
    ],
    "unknown_signature": [
        "INVALID_ARGUMENT",
        400,
        "model 'arithmetic' has no signature 'nope'",
    ],
    "graph_refuses": ["INVALID_ARGUMENT", 400, "x is below zero"],
    "load": ["UNAVAILABLE", 503, "failed to load 'nobody'"],
    "unload": ["UNAVAILABLE", 503, "failed to unload 'arithmetic'"],
    "metadata": ["INVALID_ARGUMENT", 400, "Request for unknown model: 'nobody' is not found"],
}
"""Code over gRPC, status over HTTP, and a piece of the text: Triton's where it has one."""
