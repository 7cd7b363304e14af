"""Bad data is found before training, and every row that is wrong is named."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter

from modelyard.errors import BadData
from modelyard.examples import Examples
from modelyard.tasks import Task
from modelyard.tasks.forecasting.rows import parse

TASK = TypeAdapter(Task)
IMAGES = {"type": "image_classification"}
TEXTS = {"type": "text_classification"}
SERIES = {"type": "forecasting", "target": "y", "horizon": 2, "window": 3, "time": "t"}
TABLE = {"type": "tabular_regression", "target": "y"}
COUNTS = TABLE | {"values": "counts"}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (8).to_bytes(4, "big") * 2
HUGE = PNG[:16] + (100_000).to_bytes(4, "big") * 2
Columns = dict[str, NDArray[Any]]


def objects(*values: Any) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def refusal(task: dict[str, Any], columns: Columns) -> BadData:
    with pytest.raises(BadData) as caught:
        TASK.validate_python(task).check(Examples(columns, "data.csv", first_line=2))
    return caught.value


def texts(label: NDArray[Any]) -> Columns:
    return {"text": objects(*"abcdef"), "label": label}


def images(image: NDArray[Any]) -> Columns:
    return {"image": image, "label": objects(*"ababab")}


def series(**changed: Any) -> Columns:
    return {"y": np.arange(12.0), "t": np.arange(12.0)} | changed


def table(x: NDArray[Any], y: NDArray[Any]) -> Columns:
    return {"x": x, "y": y}


def numbers(*values: float) -> NDArray[Any]:
    return np.array(values, dtype=float)


NAN = np.nan
MONTHS = [f"2026-{month:02}" for month in range(1, 12)]


@pytest.mark.parametrize(
    ("task", "columns", "field", "message"),
    [
        (TEXTS, texts(objects("a", "b", "", "a", "b", "a")), "data.csv:4", "is empty"),
        (TEXTS, texts(numbers(0, 1, NAN, 0, 1, 0)), "data.csv:4", "is empty"),
        (COUNTS, table(numbers(1, 2, 3), numbers(4, -1, 0)), "data.csv:3", "no count"),
        (COUNTS, table(numbers(1, 2, 3), numbers(0, 0, 0)), "data.csv[y]", "nothing to count"),
        (TEXTS, texts(objects(*"aaaaaa")), "data.csv[label]", "nothing to tell apart"),
        (TEXTS, texts(objects(*"aaaabb")), "data.csv:6", "class 'b'"),
        (
            IMAGES,
            images(objects(PNG, b"GIF89a\1\0\1\0", b"hello", PNG, PNG, PNG)),
            "data.csv:4",
            "no image",
        ),
        (IMAGES, images(objects(PNG, b"", PNG, PNG, PNG, PNG)), "data.csv:3", "no image"),
        (IMAGES, images(objects(PNG, HUGE, PNG, PNG, PNG, PNG)), "data.csv:3", "has a size"),
        (IMAGES, images(objects(PNG, PNG[:18], PNG, PNG, PNG, PNG)), "data.csv:3", "ends within"),
        (IMAGES, images(np.zeros((6, 4, 4, 2), np.uint8)), "data.csv[image]", "array of images"),
        (IMAGES, images(np.arange(96.0).reshape(6, 4, 4) * 4), "data.csv:6", "no brightness"),
        (IMAGES, images(np.full((6, 4, 4), 0.5)), "data.csv[image]", "multiply it by 255"),
        (SERIES, series(y=numbers(*range(5), NAN, *range(6))), "data.csv:7", "has no value"),
        (SERIES, series(y=numbers(*range(5), np.inf, *range(6))), "data.csv:7", "has no value"),
        (SERIES, series(y=objects(*"12345", "x", *"678901")), "data.csv:7", "has no value"),
        (TABLE, table(numbers(1, 2, 3), objects("1", "2", "three")), "data.csv:4", "has no value"),
        (SERIES, series(t=numbers(0, 1, 2, 2, *range(4, 12))), "data.csv:5", "twice"),
        (SERIES, series(t=numbers(0, 1, 2, 0, *range(4, 12))), "data.csv:5", "before that"),
        (SERIES, series(t=objects(*MONTHS, "soon")), "data.csv:13", "holds no time"),
        (SERIES, {"y": np.arange(8.0), "t": np.arange(8.0)}, "data.csv", "too short"),
        (TABLE, table(numbers(1, 2, 3), numbers(1, 2, NAN)), "data.csv:4", "has no value"),
        (TABLE, table(numbers(1, np.inf, 3), numbers(1, 2, 3)), "data.csv:3", "too large"),
        (TABLE, table(numbers(1, 2), numbers(1, 2)), "data.csv", "too few rows"),
        (TABLE, {"y": numbers(1, 2, 3)}, "data.csv", "no column beside the target"),
        (TABLE, table(np.zeros((3, 2)), numbers(1, 2, 3)), "data.csv[x]", "no column of a table"),
    ],
)
def test_the_first_bad_row(
    task: dict[str, Any], columns: Columns, field: str, message: str
) -> None:
    violation = refusal(task, columns).violations[0]

    assert violation.field == field
    assert message in violation.message


def test_twenty_rows_are_named_and_the_others_counted() -> None:
    labels = objects(*["a", "b"] * 20, *[""] * 40)

    error = refusal(TEXTS, {"text": labels, "label": labels})

    assert [v.field for v in error.violations[:2]] == ["data.csv:42", "data.csv:43"]
    assert len(error.violations) == 21
    assert "20 more" in error.violations[-1].message


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-03", "2026-04"),
        ("2026-02-28", "2026-03-01"),
        ("2026-03-01", "2026-03-01T00:01"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T11:00:00Z"),
        (3, 3.5),
    ],
)
def test_times_in_order(earlier: Any, later: Any) -> None:
    first, second = parse(earlier), parse(later)

    assert first is not None
    assert second is not None
    assert first < second


@pytest.mark.parametrize("value", ["", "soon", "01/02/2026", "2026-13", float("nan")])
def test_what_is_no_time(value: Any) -> None:
    assert parse(value) is None


def test_other_columns_of_a_table_may_have_gaps() -> None:
    columns = {"x": numbers(1, NAN, 3), "z": objects("", "a", "b"), "y": numbers(1, 2, 3)}

    TASK.validate_python(TABLE).check(Examples(columns))
