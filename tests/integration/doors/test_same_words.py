"""One error, one text: the same violation reads the same through every door that can express it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.v1 import forecasting_pb2, model_pb2, tabular_pb2, text_pb2, vision_pb2

pytestmark = pytest.mark.timeout(300)  # the first test starts everything and trains four models

REQUEST: dict[str, Any] = {
    "task": {"type": "image_classification"},
    "dataset": {"type": "npz", "source": "builtin://digits"},
    "network": {"type": "cnn", "filters": [4], "units": [8]},
    "training": {"epochs": 1},
    "publish": {"model": "untouched"},
}
BROKEN: dict[str, dict[str, Any]] = {
    "a number out of range": {"training": {"epochs": 0}},
    "a word for a number": {"training": {"epochs": "many"}},
    "a value that is none of those": {"resources": {"device": "tpu"}},
    "a union": {"training": {"batch_size": 0}},
    "something missing": {"task": {"type": "forecasting"}},
    "a name that is not allowed": {"publish": {"model": "../etc"}},
    "a check between two fields": {"network": {"type": "rnn", "units": [4]}},
    "a check against the data": {
        "task": {"type": "tabular_regression", "target": "age"},
        "dataset": {"type": "csv", "source": "builtin://abalone"},
        "network": {"type": "dense", "units": [4]},
    },
    "two at once": {"training": {"epochs": 0}, "publish": {"model": ""}},
}


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
def test_a_wrong_request_reads_the_same_over_http_sdk_and_command_line(
    stack: Any, changes: dict[str, Any]
) -> None:
    request = REQUEST | changes
    said = stack.refused_http("POST", "/v1/jobs", json=request)
    assert said.words
    assert stack.refused_http("POST", "/v1/jobs?dry_run=true", json=request) == said
    assert stack.refused_sdk(lambda client: client.jobs.submit(request)) == said
    assert stack.refused_sdk(lambda client: client.jobs.validate(request)) == said
    file = stack.write("same.yaml", yaml.safe_dump(request))
    for command in ("train", "validate"):
        shown = stack.refused_cli(command, file)
        assert (shown.code, shown.reason) == (said.code, said.reason)
        assert set(said.fields) <= set(shown.fields)
        violations = stack.problem_of(request)["violations"]
        for part in (v[key] for v in violations for key in ("message", "expected") if key in v):
            assert part in shown.words[0]


def test_what_is_wrong_with_a_clone_reads_as_it_does_in_a_request(stack: Any) -> None:
    job = next(job.id for job in stack.client.jobs.list(model="digits"))
    changes = {"training": {"epochs": 0}}
    said = stack.refused_http("POST", "/v1/jobs", json=REQUEST | changes)
    assert stack.refused_http("POST", f"/v1/jobs/{job}/clone", json=changes) == said
    assert stack.refused_sdk(lambda client: client.jobs.clone(job, changes)) == said


# Predictions --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One wrong call, as a message, by the client and at the command line."""

    method: str
    message: Any
    sdk: Callable[[Any], Any]
    cli: tuple[str, ...] = ()


def _model(name: str, **which: Any) -> Any:
    return model_pb2.ModelSpec(name=name, **which)


def _row(**values: str) -> Any:
    row = tabular_pb2.Row()
    for name, value in values.items():
        row.values[name].text = value
    return row


SERIES = [float(value) for value in range(72)]
ASKED = {
    "a model that is none": Asked(
        "TextService/ClassifyTexts",
        text_pb2.ClassifyTextsRequest(model=_model("nobody"), texts=["x"]),
        lambda c: c.predict.classify_texts("nobody", ["x"]),
    ),
    "a version that is none": Asked(
        "TextService/ClassifyTexts",
        text_pb2.ClassifyTextsRequest(model=_model("sms", version=9), texts=["x"]),
        lambda c: c.predict.classify_texts("sms", ["x"], version=9),
        ("predict", "sms", "x", "--version", "9"),
    ),
    "an alias that is none": Asked(
        "TextService/ClassifyTexts",
        text_pb2.ClassifyTextsRequest(model=_model("sms", alias="gone"), texts=["x"]),
        lambda c: c.predict.classify_texts("sms", ["x"], alias="gone"),
        ("predict", "sms", "x", "--alias", "gone"),
    ),
    "another task": Asked(
        "TextService/ClassifyTexts",
        text_pb2.ClassifyTextsRequest(model=_model("digits"), texts=["x"]),
        lambda c: c.predict.classify_texts("digits", ["x"]),
        ("predict", "digits", "x", "--task", "text_classification"),
    ),
    "no image": Asked(
        "VisionService/ClassifyImages",
        vision_pb2.ClassifyImagesRequest(
            model=_model("digits"), images=[vision_pb2.Image(encoded=b"no image\n")]
        ),
        lambda c: c.predict.classify_images("digits", [b"no image\n"]),
        ("predict", "digits", "no-image.png"),
    ),
    "a column that is none": Asked(
        "TabularService/PredictValues",
        tabular_pb2.PredictValuesRequest(model=_model("abalone"), rows=[_row(colour="red")]),
        lambda c: c.predict.predict_values("abalone", [{"colour": "red"}]),
        ("predict", "abalone", '{"colour": "red"}'),
    ),
    "a text for a number": Asked(
        "TabularService/PredictValues",
        tabular_pb2.PredictValuesRequest(model=_model("abalone"), rows=[_row(length="long")]),
        lambda c: c.predict.predict_values("abalone", [{"length": "long"}]),
        ("predict", "abalone", '{"length": "long"}'),
    ),
    "too much future": Asked(
        "ForecastingService/Forecast",
        forecasting_pb2.ForecastRequest(
            model=_model("airline"), series=[forecasting_pb2.Series(values=SERIES)], horizon=13
        ),
        lambda c: c.predict.forecast("airline", SERIES, horizon=13),
    ),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_wrong_call_reads_the_same_over_grpc_sdk_and_command_line(
    stack: Any, asked: Asked
) -> None:
    said = stack.refused_grpc(f"/modelyard.v1.{asked.method}", asked.message)
    assert stack.refused_sdk(asked.sdk) == said
    if asked.cli:
        (stack.folder / "no-image.png").write_bytes(b"no image\n")
        shown = stack.refused_cli(*asked.cli)
        assert (shown.code, shown.reason) == (said.code, said.reason)
        assert all(words in shown.words[0] for words in said.words)


def test_a_model_that_is_not_there_has_one_reason_at_all_doors(stack: Any) -> None:
    """The jobs API, typed calls and TensorFlow Serving's API each have a text; the reason is one."""
    from modelyard.wire import tf_serving

    predict = tf_serving.PredictRequest()
    predict.model_spec.name = "nobody"
    path = "/tensorflow.serving.PredictionService/Predict"
    answers = [
        stack.refused_http("GET", "/v1/models/nobody"),
        stack.refused_grpc(path, predict),
        stack.refused_sdk(lambda client: client.models.get("nobody")),
        stack.refused_sdk(lambda client: client.predict.classify_texts("nobody", ["x"])),
        stack.refused_cli("models", "get", "nobody"),
        stack.refused_cli("predict", "nobody", "x"),
    ]
    assert {(each.code, each.reason) for each in answers} == {("NOT_FOUND", "MODEL_NOT_FOUND")}


def test_every_refusal_is_found_in_the_log_by_its_request_id(stack: Any) -> None:
    stack.refused_http("GET", "/v1/jobs/nobody")
    image = vision_pb2.Image(encoded=b"x")
    request = vision_pb2.ClassifyImagesRequest(model=_model("digits"), images=[image])
    stack.refused_grpc("/modelyard.v1.VisionService/ClassifyImages", request)
    http_id, grpc_id = stack.seen[-2:]
    logs = Path(stack.folder) / "var" / "logs"
    assert http_id in (logs / "jobs.log").read_text()
    assert grpc_id in (logs / "inference.log").read_text()
