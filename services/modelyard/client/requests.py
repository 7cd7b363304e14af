"""A job request as people write it: a dictionary, a YAML or JSON file, or YAML text."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modelyard.client.errors import InvalidRequest
from modelyard.errors import Violation

Request = Mapping[str, Any] | Path | str
"""A string is a path if it has one line and ends in .yaml, .yml or .json; else it is YAML text."""


@dataclass(frozen=True)
class WrittenRequest:
    body: dict[str, Any]
    folder: Path
    """Where the paths in it start."""
    text: str = ""
    """What was written, for messages that show the line."""
    name: str = "request"


def read(request: Request) -> WrittenRequest:
    """Raises InvalidRequest for what cannot be read or is no mapping."""
    if isinstance(request, Mapping):
        return WrittenRequest(dict(request), Path())
    path = _as_path(request)
    if path is None:
        return _parsed(str(request), Path(), "request")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InvalidRequest(message, reason="NO_SUCH_FILE") from error
    except UnicodeDecodeError as error:
        raise _wrong(f"cannot read {path}: {error}") from error
    return _parsed(text, path.parent, str(path))


def local_source(written: WrittenRequest) -> Path | None:
    """The file that `dataset.source` names, where it is no address such as `builtin://digits`."""
    dataset = written.body.get("dataset")
    source = dataset.get("source") if isinstance(dataset, Mapping) else None
    if not isinstance(source, str) or not source or "://" in source:
        return None
    path = written.folder / Path(source).expanduser()
    if not path.is_file():
        raise InvalidRequest(
            f"dataset.source: there is no file {path}",
            reason="NO_SUCH_FILE",
            violations=(
                Violation(
                    "dataset.source",
                    "no such file",
                    "a file, or an address such as builtin://digits or dataset://…",
                    source,
                ),
            ),
        )
    return path


def with_source(written: WrittenRequest, uri: str) -> dict[str, Any]:
    return written.body | {"dataset": dict(written.body["dataset"]) | {"source": uri}}


def _as_path(request: Path | str) -> Path | None:
    if isinstance(request, Path):
        return request
    is_path = "\n" not in request and request.endswith((".yaml", ".yml", ".json"))
    return Path(request) if is_path else None


def _parsed(text: str, folder: Path, name: str) -> WrittenRequest:
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _wrong(f"{name} is not YAML: {error}") from error
    if not isinstance(body, dict):
        raise _wrong(
            f"{name}: expected a mapping with `task`, `dataset`, …, received {_kind(body)}"
        )
    return WrittenRequest(body, folder, text, name)


def _kind(body: Any) -> str:
    return "nothing" if body is None else f"a {type(body).__name__}"


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="BAD_REQUEST_FILE")
