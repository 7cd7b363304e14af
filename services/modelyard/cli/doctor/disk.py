"""Whether there is room for what training and publishing write."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from modelyard.cli.doctor.finding import Finding, Severity

_GB = 1e9
_LITTLE, _TOO_LITTLE = 5 * _GB, 1 * _GB


def findings(home: Path) -> Iterator[Finding]:
    folder = next(path for path in (home, *home.parents) if path.is_dir())
    if not os.access(folder, os.W_OK):
        yield Finding(
            "disk",
            Severity.BAD,
            f"{folder} cannot be written to",
            "say with MODELYARD_HOME or `up --home` where everything may lie",
        )
        return
    free = shutil.disk_usage(folder).free
    told = f"{free / _GB:.1f} GB free at {folder}"
    if free < _TOO_LITTLE:
        yield Finding("disk", Severity.BAD, told, "a version that does not fit is not published")
    elif free < _LITTLE:
        yield Finding("disk", Severity.WARN, told, "delete versions and datasets that nobody needs")
    else:
        yield Finding("disk", Severity.OK, told)
