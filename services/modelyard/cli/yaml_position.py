"""Where in a YAML file a field of a request stands."""

import re
from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class Position:
    """Counted from 1, as editors do."""

    line: int
    column: int
    width: int
    """How many characters to underline."""


def find(text: str, field: str, *, at_key: bool = False) -> Position | None:
    """The value of a field such as `network.layers[1].units`; of an unknown path, its nearest parent.

    `at_key` points at the name instead. None if not even its first word is there, or the text is no YAML.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    found: yaml.Node | None = None
    for step in _steps(field):
        child = _child(node, step, at_key)
        if child is None:
            break
        found, node = child
    return None if found is None else _position(found)


def _steps(field: str) -> list[str | int]:
    """`network.layers[1].units` as [network, layers, 1, units]."""
    words = re.findall(r"[^.\[\]]+", field)
    return [int(word) if word.isdecimal() else word for word in words]


def _child(
    node: yaml.Node | None, step: str | int, at_key: bool
) -> tuple[yaml.Node, yaml.Node] | None:
    """What to point at, and where to go on."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return (node.value[step], node.value[step]) if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key if at_key else _pointed(key, value), value
    return None


def _pointed(key: yaml.Node, value: yaml.Node) -> yaml.Node:
    """A plain value is pointed at itself, a nested one by its key."""
    return value if isinstance(value, yaml.ScalarNode) and value.value else key


def _position(node: yaml.Node) -> Position:
    start, end = node.start_mark, node.end_mark
    width = end.column - start.column if start.line == end.line else 1
    return Position(start.line + 1, start.column + 1, max(1, width))
