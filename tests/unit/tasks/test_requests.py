"""What a task asks of a dataset, told from the schema alone."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from modelyard.errors import InvalidRequest
from modelyard.examples import Column, Schema
from modelyard.spec import Features, Head
from modelyard.tasks import Task

TASK = TypeAdapter(Task)
SCHEMA = Schema(
    {
        "image": Column("array", (8, 8, 1)),
        "photo": Column("bytes"),
        "text": Column("text"),
        "label": Column("text", classes=("a", "b", "c")),
        "sales": Column("number"),
        "day": Column("text"),
    }
)
SALES = {"type": "forecasting", "target": "sales", "horizon": 3}


@pytest.mark.parametrize(
    ("request_", "features", "head"),
    [
        ({"type": "image_classification"}, Features("image", (8, 8, 1)), Head(3, "softmax")),
        # what a photo holds is known once it is decoded
        (
            {"type": "image_classification", "image": "photo", "channels": 3},
            Features("image", (None, None, 3)),
            Head(3, "softmax"),
        ),
        (
            {"type": "image_classification", "image": "photo", "size": [20, 30]},
            Features("image", (20, 30, None)),
            Head(3, "softmax"),
        ),
        (
            {"type": "text_classification", "length": 9, "vocabulary": 50},
            Features("tokens", (9,), vocabulary=50),
            Head(3, "softmax"),
        ),
        # two seasons are looked at
        (
            {**SALES, "horizon": 6, "season": 12},
            Features("series", (24, 1)),
            Head(6, "linear"),
        ),
        (
            {**SALES, "horizon": 30, "time": "day"},
            Features("series", (30, 1)),
            Head(30, "linear"),
        ),
        (
            {"type": "tabular_classification", "target": "label", "columns": ["sales"]},
            Features("vector", (None,)),
            Head(3, "softmax"),
        ),
        (
            {"type": "tabular_regression", "target": "sales"},
            Features("vector", (None,)),
            Head(1, "linear"),
        ),
    ],
)
def test_features_and_head(request_: dict[str, Any], features: Features, head: Head) -> None:
    task = TASK.validate_python(request_)

    assert task.features(SCHEMA) == features
    assert task.head(SCHEMA) == head


@pytest.mark.parametrize(
    ("request_", "field", "expected"),
    [
        ({"type": "image_classification", "image": "x"}, "task.image", "one of image, photo"),
        ({"type": "image_classification", "image": "text"}, "task.image", "encoded images or"),
        ({"type": "image_classification", "label": "x"}, "task.label", "one of image, photo"),
        ({"type": "text_classification", "text": "sales"}, "task.text", "text"),
        ({**SALES, "target": "text"}, "task.target", "numbers"),
        ({**SALES, "time": "x"}, "task.time", "one of image"),
        ({**SALES, "covariates": ["day"]}, "task.covariates[0]", "numbers"),
        ({**SALES, "covariates": ["sales"]}, "task.covariates[0]", None),
        ({"type": "tabular_regression", "target": "text"}, "task.target", "numbers"),
        (
            {"type": "tabular_regression", "target": "sales", "columns": ["day", "sales"]},
            "task.columns[1]",
            None,
        ),
        (
            {"type": "tabular_classification", "target": "label", "columns": ["image"]},
            "task.columns[0]",
            "numbers or text",
        ),
    ],
)
def test_a_column_that_does_not_fit_is_named(
    request_: dict[str, Any], field: str, expected: str | None
) -> None:
    task = TASK.validate_python(request_)

    with pytest.raises(InvalidRequest) as caught:
        (task.features(SCHEMA), task.head(SCHEMA))

    violation = caught.value.violations[0]
    assert violation.field == field
    assert expected is None or (violation.expected or "").startswith(expected)


@pytest.mark.parametrize(
    "request_",
    [
        {"type": "translation"},
        {"type": "forecasting", "target": "x"},
        {"type": "forecasting", "target": "x", "horizon": 0},
        {"type": "image_classification", "size": [0, 5]},
        {"type": "image_classification", "channels": 2},
        {"type": "text_classification", "labels": "x"},
    ],
)
def test_what_is_no_task(request_: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TASK.validate_python(request_)


def test_requests_are_read_without_numpy_and_tensorflow() -> None:
    code = (
        "import sys, modelyard.tasks, modelyard.networks, modelyard.datasets\n"
        "print([m for m in ('numpy', 'keras', 'tensorflow', 'pandas') if m in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"
