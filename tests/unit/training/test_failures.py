"""How an attempt that failed ends: the reason, the exit code, and what is wrong where."""

import errno

import pytest

from modelyard.errors import BadData, InternalError, InvalidRequest, NotFound, Violation
from modelyard.training.failures import NonFinite, Unverified, failure_of

OOM = type("ResourceExhaustedError", (Exception,), {})  # TensorFlow's, by its name


@pytest.mark.parametrize(
    ("error", "on_gpu", "reason", "code"),
    [
        (BadData.of("a.csv:3", "not a number"), False, "BAD_DATA", 65),
        (InvalidRequest.of("network", "too deep"), False, "BAD_SPEC", 78),
        (NotFound("no such dataset"), False, "BAD_SPEC", 78),
        (NonFinite("the loss is nan"), False, "NAN_LOSS", 70),
        (Unverified("scores differ"), False, "UNVERIFIED", 72),
        (OSError(errno.ENOSPC, "No space left on device"), False, "DISK_FULL", 74),
        (OOM("/models/x: No space left on device"), True, "DISK_FULL", 74),
        (OOM("OOM when allocating tensor"), True, "OOM_GPU", 73),
        (OOM("OOM when allocating tensor"), False, "OOM_HOST", 71),
        (MemoryError(), True, "OOM_HOST", 71),
        (OSError(errno.EIO, "broken disk"), False, "INTERNAL", 71),
        (InternalError("a defect"), False, "INTERNAL", 71),
    ],
)
def test_reasons(error, on_gpu, reason, code):
    failure = failure_of(error, on_gpu=on_gpu)
    assert (failure.reason, failure.exit) == (reason, code)
    assert failure.message


def test_violations_are_told():
    error = BadData.of_all((Violation("a.csv:3", "not a number", "a number", "'x'"),))
    (violation,) = failure_of(error, on_gpu=False).event()["violations"]
    assert violation == {
        "field": "a.csv:3",
        "message": "not a number",
        "expected": "a number",
        "received": "'x'",
    }


def test_a_defect_tells_no_internals():
    message = failure_of(ValueError("secret path /x/y"), on_gpu=False).message
    assert "secret" not in message
    assert "ValueError" in message
