"""What `jobs clone --set` changes: a JSON merge patch (RFC 7396), written field by field."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from modelyard.errors import InvalidRequest


def patch(assignments: Iterable[str], file: Path | None) -> dict[str, Any]:
    """`training.epochs=50` and the like over what a YAML or JSON file says; `FIELD=null` takes it away.

    Raises InvalidRequest.
    """
    changes = {} if file is None else _read(file)
    for assignment in assignments:
        field, equals, value = assignment.partition("=")
        if not equals or not all(field.split(".")):
            raise InvalidRequest.of(
                "--set", "is no change", expected="FIELD=VALUE", received=repr(assignment)
            )
        _assign(changes, field.split("."), _value(value))
    return changes


def _assign(changes: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for parent in parents:
        below = changes.setdefault(parent, {})
        if not isinstance(below, dict):
            below = changes[parent] = {}
        changes = below
    changes[last] = value


def _value(text: str) -> Any:
    """JSON where it is JSON, else a text: `--set publish.model=digits` needs no quotes."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(file: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequest(f"cannot read {file}: {error}") from error
    if not isinstance(said, dict):
        raise InvalidRequest(f"{file}: expected a mapping of the fields that change")
    return said
