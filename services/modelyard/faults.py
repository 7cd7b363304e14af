"""Named points in the code at which a test can stop the world, as River's test signals.

    MODELYARD_FAULT=publish.after_rename:kill:/tmp/once

kills the process with SIGKILL the first time it comes to that point; `stop` freezes it with SIGSTOP. The
file says that it has happened, for this process and all that follow it. Unset, a point costs a dictionary
look-up.
"""

import os
import signal
from pathlib import Path

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}


def point(name: str) -> None:
    fault = os.environ.get("MODELYARD_FAULT")
    if not fault:
        return
    wanted, action, once = fault.split(":", 2)
    if wanted != name:
        return
    try:
        Path(once).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), _SIGNALS[action])
