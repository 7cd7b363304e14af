"""Exit codes: what a script learns from a command without reading its output."""

import signal

from modelyard.errors import Code

OK = 0
FAILED = 1
"""The job failed, or something else went wrong."""
INVALID = 2
"""Wrong usage, or a request that cannot be right."""
NOT_FOUND = 3
UNREACHABLE = 4
NOT_ALLOWED = 5
CONFLICT = 6
TIMEOUT = 7
"""The wait is over; the job goes on."""
CANCELLED = 8
INTERRUPTED = 128 + signal.SIGINT
"""Ctrl-C: the command stopped watching, the job goes on."""

_BY_CODE = {
    Code.INVALID_ARGUMENT: INVALID,
    Code.NOT_FOUND: NOT_FOUND,
    Code.UNAVAILABLE: UNREACHABLE,
    Code.PERMISSION_DENIED: NOT_ALLOWED,
    Code.ALREADY_EXISTS: CONFLICT,
    Code.ABORTED: CONFLICT,
    Code.DEADLINE_EXCEEDED: UNREACHABLE,  # of one call; a wait that is over has an error of its own
    Code.CANCELLED: CANCELLED,
}


def of_code(code: Code) -> int:
    return _BY_CODE.get(code, FAILED)


def of_state(state: str) -> int:
    """The exit code of a command that saw a job end."""
    return {"SUCCEEDED": OK, "CANCELLED": CANCELLED}.get(state, FAILED)
