"""What a dry run tells."""

from typing import Any

import pytest


def report(yard: Any, request: dict[str, Any]) -> dict[str, Any]:
    answer = yard.api.post("/v1/jobs?dry_run=true", json=request)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def warned(told: dict[str, Any]) -> list[str]:
    return [warning["field"] for warning in told["warnings"]]


def uploaded(yard: Any, table: str) -> dict[str, Any]:
    uri = yard.api.post("/v1/datasets?filename=t.csv", content=table.encode()).json()["uri"]
    return {
        "task": {"type": "tabular_classification", "target": "y"},
        "dataset": {"type": "csv", "source": uri},
        "network": {"type": "dense", "units": [4]},
        "publish": {"model": "t"},
    }


def test_rows_classes_and_every_layer(yard: Any, digits: dict[str, Any]) -> None:
    told = report(yard, digits)
    assert told["valid"] is True
    assert told["rows"] == 1797
    assert told["classes"] == [str(n) for n in range(10)]
    assert told["features"] == {"kind": "image", "shape": [8, 8, 1], "vocabulary": None}
    layers = [(layer["type"], layer["output_shape"]) for layer in told["layers"]]
    assert layers == [
        ("conv2d", [8, 8, 8]),
        ("max_pooling2d", [4, 4, 8]),
        ("flatten", [128]),
        ("dense", [16]),
        ("dense", [10]),
    ]
    # Counted by hand: 3·3·1·8 + 8, 128·16 + 16, 16·10 + 10.
    assert [layer["parameters"] for layer in told["layers"]] == [80, 0, 0, 2064, 170]
    assert told["parameters"] == 80 + 2064 + 170
    assert told["warnings"] == []


def test_what_only_the_data_can_tell_is_null(yard: Any) -> None:
    rows = "".join(f"{i},{'abc'[i % 3]}\n" for i in range(300))
    told = report(yard, uploaded(yard, "x,y\n" + rows))
    assert told["classes"] == ["a", "b", "c"]
    assert told["features"]["shape"] == [None]
    assert told["layers"][0]["parameters"] is None
    assert told["layers"][-1] == {"type": "dense", "output_shape": [3], "parameters": 15}
    assert told["parameters"] is None


def test_a_forecast_has_no_classes(yard: Any, airline: dict[str, Any]) -> None:
    assert report(yard, airline)["classes"] is None


def test_what_may_disappoint_is_said_where_it_is_true(yard: Any, digits: dict[str, Any]) -> None:
    wishes = {"epochs": 200, "batch_size": 5000, "precision": "mixed_float16"}
    told = report(yard, digits | {"training": wishes, "resources": {"device": "cpu"}})
    assert warned(told) == [
        "training.early_stopping",
        "training.precision",
        "training.batch_size",
    ]
    calm = {"epochs": 200, "early_stopping": {"patience": 5}, "batch_size": 64}
    assert warned(report(yard, digits | {"training": calm})) == []


def test_classes_out_of_balance(yard: Any) -> None:
    rows = "".join(f"{i},{'rare' if i < 3 else 'usual'}\n" for i in range(300))
    told = report(yard, uploaded(yard, "x,y\n" + rows))
    messages = [w["message"] for w in told["warnings"] if w["field"] == "dataset"]
    assert len(messages) == 2
    assert messages[0].startswith("99 % of the rows are of the class 'usual'")
    assert "'rare'" in messages[1]


def test_few_rows_judge_little_and_many_weights_learn_by_heart(yard: Any) -> None:
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(60))
    told = report(yard, uploaded(yard, "x,y\n" + rows))
    assert warned(told) == ["training.validation.test"]


@pytest.mark.parametrize("rows", [2, 1])
def test_too_few_rows_to_hold_any_out_are_refused(yard: Any, rows: int) -> None:
    request = uploaded(yard, "x,y\n" + "".join(f"{i},a\n" for i in range(rows)))
    answer = yard.api.post("/v1/jobs?dry_run=true", json=request)
    assert answer.status_code == 400
    assert answer.json()["violations"][0]["field"] == "training.validation"


def test_a_row_that_cannot_be_right_is_named(yard: Any) -> None:
    rows = "".join(f"{i},{'ab'[i % 2] if i != 7 else ''}\n" for i in range(60))
    answer = yard.api.post("/v1/jobs?dry_run=true", json=uploaded(yard, "x,y\n" + rows))
    assert (answer.status_code, answer.json()["reason"]) == (400, "BAD_DATA")
    assert answer.json()["violations"][0]["field"] == "t.csv:9"
