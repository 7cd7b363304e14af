"""Looks into a dataset in a process of its own, with bounds on memory and time.

For files that would keep the caller busy for long, and for decoders written in C++: whatever a hostile file does
to them, the caller lives, and says that the file is at fault.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from modelyard.errors import BadData, InvalidRequest, Violation

MODULE = "modelyard.datasets.isolated"
MOST_MEMORY = 2 * 1024**3
"""Bytes of data that such a process may hold."""
MOST_SECONDS = 900
_AT_ONCE = threading.BoundedSemaphore(2)

_ENVIRONMENT = {
    # Allocators that reserve address space ahead would run into the bound.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def ask(what: str, dataset: dict[str, Any], root: Path, title: str, **fields: Any) -> Any:
    """Runs `what` of `isolated` and answers its JSON. Raises what it raised, or BadData if it did not survive."""
    request = json.dumps({"what": what, "dataset": dataset, "root": str(root), **fields})
    with _AT_ONCE:
        answer = _run(request, title)
    if "error" in answer:
        raise _error(answer["error"])
    return answer["answer"]


def _run(request: str, title: str) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603  this Python, and a constant
            [sys.executable, "-m", MODULE],
            input=request.encode(),
            capture_output=True,
            timeout=MOST_SECONDS,
            check=True,
            env=os.environ | _ENVIRONMENT,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        raise BadData.of(
            title,
            "could not be looked through",
            expected=f"a file that takes less than {MOST_MEMORY} bytes and {MOST_SECONDS} seconds to read",
            reason="UNPACKS_TO_TOO_MUCH",
        ) from None
    return answer


def _error(error: dict[str, Any]) -> InvalidRequest:
    kind = BadData if error["is_bad_data"] else InvalidRequest
    violations = tuple(Violation(**violation) for violation in error["violations"])
    return kind(error["message"], reason=error["reason"], violations=violations)
