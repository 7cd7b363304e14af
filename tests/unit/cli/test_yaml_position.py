"""What is wrong is shown where it stands in the file."""

import pytest

from modelyard.cli import violations
from modelyard.cli.yaml_position import Position, find
from modelyard.client.errors import InvalidRequest
from modelyard.errors import Violation

REQUEST = """\
name: airline
network:
  type: layers
  layers:
    - {type: dense, units: 0}
    - {type: dropout, rate: 0.5}
training: {epochs: 10, epoch: 3}
empty:
"""


@pytest.mark.parametrize(
    ("field", "position"),
    [
        ("name", Position(1, 7, len("airline"))),
        ("network.layers[0].units", Position(5, 28, 1)),
        ("network.layers[1].rate", Position(6, 29, len("0.5"))),
        ("training.epoch", Position(7, 31, 1)),
        (
            "network.layers",
            Position(4, 3, len("layers")),
        ),  # a nested value is pointed at by its key
        ("empty", Position(8, 1, len("empty"))),
        ("training.optimizer.type", Position(7, 1, len("training"))),  # the nearest that is there
        ("network.layers[9].units", Position(4, 3, len("layers"))),
    ],
)
def test_a_field_has_a_place(field: str, position: Position) -> None:
    assert find(REQUEST, field) == position


@pytest.mark.parametrize("text", ["", "- a\n", "a: [unclosed", "other: 1\n"])
def test_what_is_not_there_has_none(text: str) -> None:
    assert find(text, "network.layers") is None


def test_the_line_is_shown_with_a_caret(capsys: pytest.CaptureFixture[str]) -> None:
    error = InvalidRequest(
        "wrong",
        reason="INVALID_REQUEST",
        violations=(
            Violation("network.layers[0].units", "must be at least 1", "1 … 65536", "0"),
            Violation("task", "is required"),
        ),
    )
    violations.show(error, REQUEST, "broken.yaml")
    said = capsys.readouterr()
    assert said.out == ""
    *shown, last = said.err.splitlines()
    assert shown == [
        "error[INVALID_REQUEST]: 2 problems in broken.yaml",
        "  broken.yaml:5:28  network.layers[0].units: must be at least 1",
        "     5 │     - {type: dense, units: 0}",
        "       │ " + " " * 27 + "^",
        "    expected: 1 … 65536",
        "    received: 0",
        "  broken.yaml  task: is required",
    ]
    assert last.startswith("nothing was submitted · all fields: ")


def test_who_wrote_nearly_the_right_word_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    error = InvalidRequest(
        "wrong",
        violations=(
            Violation("training.epoch", "Extra inputs are not permitted", None, "3"),
            Violation(
                "network.type", "Input should be 'dense', 'cnn' or 'layers'", None, "'layer'"
            ),
            Violation("name", "must be something else", None, "'airline'"),
        ),
    )
    violations.show(error, REQUEST, "broken.yaml", known={"epochs", "units"})
    said = capsys.readouterr().err
    assert "broken.yaml:7:24  training.epoch: is not a field that is known here" in said
    assert said.count("did you mean") == 2
    assert "did you mean `epochs`?" in said
    assert "did you mean `layers`?" in said
