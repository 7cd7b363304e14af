"""What the real trainer publishes is what the typed services serve, for every kind of task."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modelyard.job import JobRequest
from modelyard.model_store import ModelStore
from modelyard.training.attempt import Attempt
from modelyard.v1 import (
    forecasting_pb2,
    forecasting_pb2_grpc,
    model_pb2,
    tabular_pb2,
    tabular_pb2_grpc,
    text_pb2,
    text_pb2_grpc,
    vision_pb2,
    vision_pb2_grpc,
)

TRAINING = {"epochs": 1, "batch_size": 64, "seed": 7}
REQUESTS: dict[str, dict[str, Any]] = {
    "digits": {
        "task": {"type": "image_classification", "image": "image", "label": "label"},
        "network": {"type": "dense", "units": [16]},
    },
    "sms": {
        "task": {"type": "text_classification", "text": "text", "label": "label"},
        "network": {"type": "dense", "units": [8]},
    },
    "airline": {
        "task": {
            "type": "forecasting",
            "target": "passengers",
            "time": "month",
            "horizon": 12,
            "season": 12,
        },
        "network": {"type": "dense", "units": [16]},
    },
    "abalone": {
        "task": {"type": "tabular_regression", "target": "rings"},
        "network": {"type": "dense", "units": [16]},
    },
}


@pytest.mark.timeout(400)
def test_every_task_from_training_to_a_typed_call(
    start: Any, store: ModelStore, tmp_path: Path
) -> None:
    for name, request in REQUESTS.items():
        train(store, tmp_path / name, name, request)
    channel = start().channel()
    assert_image(vision_pb2_grpc.VisionServiceStub(channel).ClassifyImages, store)
    assert_text(text_pb2_grpc.TextServiceStub(channel).ClassifyTexts)
    assert_forecast(forecasting_pb2_grpc.ForecastingServiceStub(channel).Forecast, store)
    assert_row(tabular_pb2_grpc.TabularServiceStub(channel).PredictValues, store)


def train(store: ModelStore, home: Path, name: str, request: dict[str, Any]) -> None:
    """One attempt by the trainer's process; all that it asks is granted."""
    (home / "work").mkdir(parents=True)
    whole = {
        "dataset": {"type": "npz" if name == "digits" else "csv", "source": f"builtin://{name}"},
        "training": TRAINING,
        "publish": {"model": name},
        **request,
    }
    attempt = Attempt(
        job=f"job-{name}",
        fence=1,
        request=JobRequest.model_validate(whole),
        models=store.root,
        datasets=home / "datasets",
        work=home / "work",
        keep_golden=True,
    )
    file = home / "attempt.json"
    file.write_text(attempt.model_dump_json())
    with open(home / "log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "modelyard.training.trainer", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            if "ask" in json.loads(line):
                process.stdin.write(b'{"granted": true, "version": 1}\n')
                process.stdin.flush()
    assert process.returncode == 0, (home / "log").read_text()[-3000:]


def assert_image(call: Any, store: ModelStore) -> None:
    file = io.BytesIO()
    Image.new("L", (20, 30), 99).save(file, "PNG")
    pixels = vision_pb2.PixelArray(height=8, width=8, channels=1, data=bytes(range(64)))
    manifest = store.manifest("digits", 1)
    assert manifest is not None
    for image in (vision_pb2.Image(encoded=file.getvalue()), vision_pb2.Image(pixels=pixels)):
        request = vision_pb2.ClassifyImagesRequest(
            model=model_pb2.ModelSpec(name="digits"), images=[image, image]
        )
        for result in call(request).results:
            assert {each.name for each in result.classes} == set(manifest.classes or ())
            assert sum(each.score for each in result.classes) == pytest.approx(1, abs=1e-4)


def assert_text(call: Any) -> None:
    request = text_pb2.ClassifyTextsRequest(
        model=model_pb2.ModelSpec(name="sms"), texts=["WIN a FREE prize, call 0800!", "", "\0 ÿ"]
    )
    for result in call(request).results:
        assert {each.name for each in result.classes} == {"ham", "spam"}


def assert_forecast(call: Any, store: ModelStore) -> None:
    manifest = store.manifest("airline", 1)
    assert manifest is not None
    window = manifest.serving["window"]
    past = [100.0 + 10 * (month % 12) for month in range(window + 7)]
    request = forecasting_pb2.ForecastRequest(
        model=model_pb2.ModelSpec(name="airline"),
        series=[
            forecasting_pb2.Series(values=past),
            forecasting_pb2.Series(values=past[-window:]),
        ],
    )
    long, exact = call(request).forecasts
    assert len(long.values) == 12
    assert np.isfinite(long.values).all()
    assert list(long.values) == pytest.approx(list(exact.values)), "only the newest steps count"


def assert_row(call: Any, store: ModelStore) -> None:
    manifest = store.manifest("abalone", 1)
    assert manifest is not None
    kinds, names = manifest.serving["columns"], manifest.serving["inputs"]
    values = {
        names[each]: tabular_pb2.Value(number=0.3)
        if kind == "number"
        else tabular_pb2.Value(text="M")
        for each, kind in kinds.items()
    }
    rows = [tabular_pb2.Row(values=values), tabular_pb2.Row()]
    request = tabular_pb2.PredictValuesRequest(model=model_pb2.ModelSpec(name="abalone"), rows=rows)
    answer = call(request)
    assert len(answer.values) == 2
    assert np.isfinite(answer.values).all(), "a row of missing values has an answer too"
