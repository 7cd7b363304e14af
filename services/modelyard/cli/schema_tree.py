"""A JSON Schema as people walk it: `network.layers.conv2d.filters` is a kind, a list, a kind, a field.

A word of a path names a field, or one kind of a choice by its `type`. Lists are walked through.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelyard.errors import NotFound

Schema = Mapping[str, Any]

_BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minItems": "at least",
    "maxItems": "at most",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "pattern": "matches",
}


@dataclass(frozen=True)
class Field:
    """One place in the schema. `schema` is resolved: never a reference itself."""

    path: str
    schema: Schema
    required: bool = False

    @property
    def description(self) -> str:
        return " ".join(str(self.schema.get("description", "")).split())

    @property
    def default(self) -> Any:
        """None where there is none, or where it is null."""
        return self.schema.get("default")


@dataclass(frozen=True)
class SchemaTree:
    root: Schema

    def find(self, path: str) -> Field:
        """Raises NotFound, which says how far the path was right and what is there."""
        words = [word for word in re.split(r"[.\[\]]+", path) if word and not word.isdecimal()]
        if words and words[0] == "job":
            words = words[1:]
        reached = [Field("job", self.root)]
        for word in words:
            found = [step for field in reached for step in self._step(field, word)]
            if not found:
                raise self._nothing(reached, word)
            reached = found
        return replace(reached[0], path=".".join(["job", *words]))

    def fields(self, field: Field) -> list[Field]:
        """What an object is made of; of a choice with a single kind, that kind's."""
        for node in self._objects(field.schema):
            required = node.get("required", ())
            return [
                Field(f"{field.path}.{name}", self._resolved(schema), name in required)
                for name, schema in node["properties"].items()
            ]
        return []

    def kinds(self, field: Field) -> dict[str, Field]:
        """The kinds of a choice by what is written as `type`; empty if there is nothing to choose."""
        found: dict[str, Field] = {}
        for choice in self._choices(field.schema):
            for kind, reference in choice["discriminator"]["mapping"].items():
                found[kind] = Field(f"{field.path}.{kind}", self._resolved({"$ref": reference}))
        return found

    def type_of(self, schema: Schema) -> str:
        """In words, with its bounds."""
        schema = self._resolved(schema)
        if "const" in schema:
            return repr(schema["const"]).replace("'", '"')
        if "enum" in schema:
            return " | ".join(map(str, schema["enum"]))
        if "discriminator" in schema:
            return "one kind of several"
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return " or ".join(dict.fromkeys(map(self.type_of, schema[union])))
        if "prefixItems" in schema:
            return f"[{', '.join(map(self.type_of, schema['prefixItems']))}]"
        if schema.get("type") == "array":
            return f"list of {self.type_of(schema.get('items', {}))}{_bounds(schema)}"
        return f"{schema.get('type', 'anything')}{_bounds(schema)}"

    def _step(self, field: Field, word: str) -> Iterator[Field]:
        kinds = self.kinds(field)
        if word in kinds:
            yield kinds[word]
        for owner in (field, *kinds.values()):
            yield from (f for f in self.fields(owner) if f.path.rpartition(".")[2] == word)

    def _nothing(self, reached: list[Field], word: str) -> NotFound:
        there = {
            step.path.rpartition(".")[2]
            for field in reached
            for step in (*self.fields(field), *self.kinds(field).values())
        }
        close = difflib.get_close_matches(word, there, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(there))}"
        return NotFound(
            f"{reached[0].path} has no {word!r}; {hint if there else 'it is a plain value'}"
        )

    def _objects(self, schema: Schema) -> Iterator[Schema]:
        return (node for node in self._inside(schema) if "properties" in node)

    def _choices(self, schema: Schema) -> Iterator[Schema]:
        return (node for node in self._inside(schema) if "discriminator" in node)

    def _inside(self, schema: Schema) -> Iterator[Schema]:
        """The schema itself, and what a list or a value that may be null holds; not the kinds of a choice."""
        schema = self._resolved(schema)
        yield schema
        if "discriminator" in schema:
            return
        if "items" in schema:
            yield from self._inside(schema["items"])
        for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from self._inside(option)

    def _resolved(self, schema: Schema) -> Schema:
        """What stands beside a reference, such as a default, holds over what it refers to."""
        while "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**self.root.get("$defs", {})[name], **beside}
        return schema


def _bounds(schema: Schema) -> str:
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return f" ({', '.join(bounds)})" if bounds else ""
