"""Every task with every network that reads it: learned, exported, loaded again, and asked the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import TypeAdapter

from modelyard.examples import Examples
from modelyard.networks import Network
from modelyard.recipe import Training
from modelyard.tasks import Learning, Task

RANDOM = np.random.default_rng(0)
ROWS = 48


def encoded_images() -> Examples:
    """Images of several sizes and formats: class a is dark, b is bright."""
    images, labels = [], []
    for row in range(ROWS):
        side, channels = 6 + row % 4, (1, 3)[row % 2]
        pixels = RANDOM.integers(0, 100, (side, side + 1, channels), dtype=np.uint8)
        pixels += np.uint8(150 * (row % 3 == 0))
        encode = (tf.io.encode_png, tf.io.encode_jpeg)[row % 5 == 0]
        images.append(encode(pixels).numpy())
        labels.append("ab"[row % 3 == 0])
    return Examples({"image": objects(images), "label": objects(labels)})


def arrays_of_images() -> Examples:
    images = RANDOM.integers(0, 256, (ROWS, 8, 8), dtype=np.uint8)
    return Examples({"image": images, "label": np.arange(ROWS) % 3})


def texts() -> Examples:
    words = ["free", "prize", "call", "home", "dinner", "late", "naïve", "£100", "don't"]
    rows = [" ".join(RANDOM.choice(words, 1 + row % 9)) + "!?" for row in range(ROWS)]
    return Examples({"text": objects(rows), "label": objects(["no", "yes"] * (ROWS // 2))})


def series() -> Examples:
    time = np.arange(96)
    values = 50 + time + 10 * np.sin(time * np.pi / 2) + RANDOM.normal(0, 1, 96)
    return Examples({"sales": values, "rain": RANDOM.normal(3, 2, 96)})


def table() -> Examples:
    age = RANDOM.normal(40, 10, ROWS)
    age[::7] = np.nan
    work = objects(RANDOM.choice(["field", "office", ""], ROWS).tolist())
    return Examples(
        {
            "age of-person": age,
            "work.class": work,
            "rich": objects(["no", "yes", "yes"] * (ROWS // 3)),
            "income": RANDOM.normal(1000, 100, ROWS),
            "visits": RANDOM.poisson(3, ROWS),
        }
    )


def objects(values: list[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


TASKS: dict[str, tuple[dict[str, Any], Examples]] = {
    "encoded images": ({"type": "image_classification"}, encoded_images()),
    "grey of colour": (
        {"type": "image_classification", "size": [9, 5], "channels": 1},
        encoded_images(),
    ),
    "arrays": ({"type": "image_classification"}, arrays_of_images()),
    "colour of grey": ({"type": "image_classification", "channels": 3}, arrays_of_images()),
    "words": ({"type": "text_classification", "length": 6}, texts()),
    "characters": ({"type": "text_classification", "tokens": "characters"}, texts()),
    "one series": ({"type": "forecasting", "target": "sales", "horizon": 4, "season": 4}, series()),
    "covariates": (
        {"type": "forecasting", "target": "sales", "horizon": 3, "covariates": ["rain"]},
        series(),
    ),
    "quantiles": (
        {"type": "forecasting", "target": "sales", "horizon": 3, "quantiles": [0.1, 0.5, 0.9]},
        series(),
    ),
    "classes": ({"type": "tabular_classification", "target": "rich"}, table()),
    "numbers": (
        {
            "type": "tabular_regression",
            "target": "income",
            "columns": ["age of-person", "work.class"],
        },
        table(),
    ),
    "counts": (
        {"type": "tabular_regression", "target": "visits", "values": "counts", "weight": "income"},
        table(),
    ),
}

NETWORKS: dict[str, dict[str, Any]] = {
    "dense": {"type": "dense", "units": [8], "dropout": 0.2, "batch_normalization": True},
    "cnn": {"type": "cnn", "filters": [4, 4], "units": [8], "dropout": 0.2},
    "simple_rnn": {"type": "rnn", "cell": "simple_rnn", "units": [4]},
    "lstm": {"type": "rnn", "cell": "lstm", "units": [4, 4], "bidirectional": True},
    "gru": {"type": "rnn", "cell": "gru", "units": [4], "dropout": 0.1, "dense": [4]},
}


def learned(task: dict[str, Any], examples: Examples, training: Training) -> Learning:
    spec = TypeAdapter(Task).validate_python(task)
    spec.check(examples)
    learning: Learning = spec.learn(examples, training.validation, training.seed)
    return learning


def fitted(learning: Learning, network: Any, training: Training) -> keras.Model:
    keras.utils.set_random_seed(training.seed)
    model = network.build(learning.features, learning.head)
    model.compile(
        optimizer=training.optimizer.keras(1),
        loss=training.loss_for(learning.head).keras(learning.head),
        metrics=learning.metrics(),
    )
    features, targets = learning.arrays("train")
    model.fit(features, targets, epochs=1, batch_size=16, verbose=0)
    return model


def ask(signature: Any, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: value.numpy() for name, value in signature(**tensors(inputs)).items()}


def tensors(inputs: Mapping[str, NDArray[Any]]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in inputs.items()}


FEEDS = {
    "image_classification": "image",
    "text_classification": "tokens",
    "forecasting": "series",
    "tabular_classification": "vector",
    "tabular_regression": "vector",
}
VARIANTS = {"grey of colour", "colour of grey", "characters", "covariates", "counts", "quantiles"}
"""Other preprocessing of the same task: one network is enough."""


def network_of(name: str) -> Any:
    return TypeAdapter(Network).validate_python(NETWORKS[name])


PAIRS = [
    pytest.param(task, network, id=f"{task} by {network}")
    for task, (request, _) in TASKS.items()
    for network in NETWORKS
    if FEEDS[request["type"]] in network_of(network).kinds
    and (network == "dense" or task not in VARIANTS)
]


def test_every_task_meets_every_network_that_reads_it() -> None:
    met = {(TASKS[p.values[0]][0]["type"], NETWORKS[p.values[1]]["type"]) for p in PAIRS}

    assert len(met) == 2 + 3 + 3 + 1 + 1  # image, tokens, series, vector, vector


@pytest.mark.parametrize(("task", "network"), PAIRS)
def test_answers_after_export_as_in_memory(task: str, network: str, tmp_path: Path) -> None:
    training = Training()
    learning = learned(*TASKS[task], training)
    model = fitted(learning, network_of(network), training)

    learning.export(model, tmp_path / "model")

    loaded = tf.saved_model.load(str(tmp_path / "model"))
    golden = learning.golden(5)
    assert set(golden) == set(loaded.signatures)
    for name, inputs in golden.items():
        answers = ask(loaded.signatures[name], inputs)
        expected = learning.answer(model, name, inputs)
        assert set(answers) == set(expected)
        for output, values in expected.items():
            assert answers[output].shape[0] == len(next(iter(inputs.values())))
            if values.dtype == object:
                assert answers[output].tolist() == values.tolist()
            else:
                assert answers[output].dtype == np.float32
                np.testing.assert_allclose(answers[output], values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("task", ["encoded images", "words", "one series", "classes", "numbers"])
def test_a_session_answers_alike(task: str, tmp_path: Path) -> None:
    """As TensorFlow Serving runs it: a graph, a session, tables that the init op fills."""
    training = Training()
    learning = learned(*TASKS[task], training)
    model = fitted(learning, network_of("dense"), training)
    learning.export(model, tmp_path / "model")
    inputs = learning.golden(5)["serving_default"]

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path / "model"))
        signature = meta.signature_def["serving_default"]
        feed = {signature.inputs[name].name: value for name, value in inputs.items()}
        fetch = {name: output.name for name, output in signature.outputs.items()}
        answers = session.run(fetch, feed)

    expected = learning.answer(model, "serving_default", inputs)
    assert set(answers) == set(expected)
    for output, values in expected.items():
        if values.dtype != object:
            np.testing.assert_allclose(answers[output], values, rtol=1e-5, atol=1e-5)
