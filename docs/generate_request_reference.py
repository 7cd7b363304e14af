"""Writes docs/reference/request.md from the JSON Schema of a job request; `make docs` runs it."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelyard.job import JobRequest

PAGE = Path(__file__).parent / "reference" / "request.md"
HEAD = """\
# Request

Generated from the JSON Schema by `make docs`; `modelyard schema job` prints the schema itself. A field that is not listed is an error.

"""

Schema = Mapping[str, Any]


def page() -> str:
    schema = JobRequest.model_json_schema()
    definitions: dict[str, Schema] = schema.get("$defs", {})
    sections = [_section("A request", schema, definitions)]
    sections += [
        _section(_title(name, definition), definition, definitions)
        for name, definition in definitions.items()
        if "properties" in definition
    ]
    return HEAD + "\n".join(sections)


def _title(name: str, definition: Schema) -> str:
    kind = definition["properties"].get("type", {})
    return f"{name}: `type: {kind['const']}`" if "const" in kind else name


def _section(title: str, schema: Schema, definitions: Mapping[str, Schema]) -> str:
    lines = [f"## {title}", ""]
    if schema.get("description"):
        lines += [_one_line(schema["description"]), ""]
    lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
    lines += _rows(schema, definitions)
    return "\n".join(lines) + "\n"


def _rows(schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        if name == "type" and "const" in field:
            continue
        default = "**required**" if name in required else f"`{_default(field)}`"
        meaning = _one_line(field.get("description", ""))
        yield f"| `{name}` | {_kind(field, definitions)} | {default} | {meaning} |"


def _default(field: Schema) -> str:
    value = field.get("default")
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            # A default that is a value of its own; what it is made of is said there.
            return str(value.get("type", "its defaults"))
        case _:
            return str(value).replace("'", '"')


def _kind(field: Schema, definitions: Mapping[str, Schema]) -> str:
    if "$ref" in field:
        return _reference(field["$ref"], definitions)
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    for union in ("oneOf", "anyOf"):
        if union in field:
            return " or ".join(_kind(option, definitions) for option in field[union])
    if field.get("type") == "array":
        return f"list of {_items(field, definitions)}{_bounds(field)}"
    return f"{field.get('type', 'any')}{_bounds(field)}"


def _items(field: Schema, definitions: Mapping[str, Schema]) -> str:
    if "prefixItems" in field:
        return ", ".join(_kind(item, definitions) for item in field["prefixItems"])
    return _kind(field.get("items", {}), definitions)


def _reference(reference: str, definitions: Mapping[str, Schema]) -> str:
    name = reference.rpartition("/")[2]
    definition = definitions[name]
    if "properties" not in definition:
        return _kind(definition, definitions)
    anchor = "".join(c for c in _title(name, definition).lower() if c.isalnum() or c in " -_")
    return f"[{name}](#{anchor.replace(' ', '-')})"


def _bounds(field: Schema) -> str:
    words = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
        "minItems": "at least",
        "maxItems": "at most",
        "minLength": "at least",
        "maxLength": "at most",
    }
    bounds = [f"{word} {field[key]}" for key, word in words.items() if key in field]
    return f" ({', '.join(bounds)})" if bounds else ""


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page())
