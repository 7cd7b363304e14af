"""A schema is walked by the words that a request is written in."""

import pytest

from modelyard.cli.schema_tree import SchemaTree
from modelyard.errors import NotFound

SCHEMA = {
    "type": "object",
    "required": ["network"],
    "properties": {
        "network": {
            "oneOf": [{"$ref": "#/$defs/Plain"}, {"$ref": "#/$defs/Layers"}],
            "discriminator": {
                "mapping": {"plain": "#/$defs/Plain", "layers": "#/$defs/Layers"},
                "propertyName": "type",
            },
        },
        "epochs": {"type": "integer", "minimum": 1, "default": 10, "description": "Passes."},
        "stopping": {"anyOf": [{"$ref": "#/$defs/Stopping"}, {"type": "null"}], "default": None},
    },
    "$defs": {
        "Plain": {"type": "object", "properties": {"units": {"type": "integer"}}},
        "Layers": {
            "type": "object",
            "description": "One by one.",
            "properties": {
                "layers": {
                    "type": "array",
                    "items": {
                        "oneOf": [{"$ref": "#/$defs/Conv"}],
                        "discriminator": {"mapping": {"conv": "#/$defs/Conv"}},
                    },
                }
            },
        },
        "Conv": {"type": "object", "properties": {"filters": {"type": "integer", "maximum": 9}}},
        "Stopping": {"type": "object", "properties": {"patience": {"enum": [1, 2]}}},
    },
}
TREE = SchemaTree(SCHEMA)


@pytest.mark.parametrize(
    ("path", "type", "below"),
    [
        ("job", "object", ["network", "epochs", "stopping"]),
        ("epochs", "integer (≥ 1)", []),
        ("network", "one kind of several", []),
        ("network.plain", "object", ["units"]),
        ("network.units", "integer", []),  # of the one kind that has it
        ("network.layers", "object", ["layers"]),  # the kind, which is named as its field is
        ("network.layers.conv", "object", ["filters"]),
        ("network.layers[3].conv.filters", "integer (≤ 9)", []),
        ("job.stopping.patience", "1 | 2", []),
    ],
)
def test_a_path_leads_to_a_field(path: str, type: str, below: list[str]) -> None:
    field = TREE.find(path)
    assert TREE.type_of(field.schema) == type
    assert [each.path.rpartition(".")[2] for each in TREE.fields(field)] == below


def test_what_a_field_says_of_itself() -> None:
    network, epochs, _ = TREE.fields(TREE.find("job"))
    assert (network.required, epochs.required) == (True, False)
    assert (epochs.default, epochs.description) == (10, "Passes.")
    assert list(TREE.kinds(network)) == ["plain", "layers"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("epoch", "did you mean 'epochs'"),
        ("network.layers.cnv", "did you mean 'conv'"),
        ("network.zzz", "there are: layers, plain"),
        ("epochs.more", "plain value"),
    ],
)
def test_what_is_not_there_is_said(path: str, said: str) -> None:
    with pytest.raises(NotFound, match=said):
        TREE.find(path)
