"""Writes docs/reference/settings.md from the settings classes; `make docs` runs it."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode
from reference_page import one_line, run, table

from modelyard.settings import (
    InferenceSettings,
    JobsSettings,
    Settings,
    StoreSettings,
    WorkerSettings,
)

HEAD = """\
# Settings

Generated from `services/modelyard/settings.py` by `make docs`. Services read their settings from the environment when they start; an unknown variable is ignored, a wrong value ends the start
with its name. `modelyard up` passes its environment on, and sets addresses and `MODELYARD_HOME` itself.

The command line and the Python client read `MODELYARD_URL`, `MODELYARD_GRPC` and `MODELYARD_HOME`, see [command line](command-line.md).
"""
SECTIONS: tuple[tuple[str, type[Settings], type[Settings] | None], ...] = (
    ("All services", Settings, None),
    ("Jobs API and workers", StoreSettings, Settings),
    ("Jobs API", JobsSettings, StoreSettings),
    ("Workers", WorkerSettings, StoreSettings),
    ("Inference", InferenceSettings, Settings),
)


def page() -> str:
    return "\n".join([HEAD, *(_section(*section) for section in SECTIONS)])


def _section(title: str, settings: type[Settings], base: type[Settings] | None) -> str:
    known = base.model_fields if base else {}
    own = {name: field for name, field in settings.model_fields.items() if name not in known}
    rows = [
        [f"`MODELYARD_{name.upper()}`", _type(field), _default(field), _meaning(field)]
        for name, field in own.items()
    ]
    return f"## {title}\n\n{table(['variable', 'type', 'default', 'meaning'], rows)}"


def _type(field: FieldInfo) -> str:
    kind = _kind(field.annotation)
    return kind.removeprefix("JSON ") if NoDecode in field.metadata else kind


def _kind(annotation: Any) -> str:
    """The type in the words of somebody who writes an environment variable."""
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_kind(arm) for arm in get_args(annotation) if arm is not NoneType)
    if get_origin(annotation) is tuple:
        return f"JSON list of {_kind(get_args(annotation)[0])}"
    names = {str: "text", int: "integer", float: "number", bool: "`true`, `false`"}
    return {**names, Path: "path", SecretStr: "text, secret"}.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()  # the default of the code, which is no secret
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value not in ("", ()) else "empty"


def _meaning(field: FieldInfo) -> str:
    return " ".join([one_line(field.description or ""), *_bounds(field)]).strip()


def _bounds(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
            if (limit := getattr(bound, name, None)) is not None:
                yield f"({sign} {limit})"


if __name__ == "__main__":
    run("settings.md", page)
