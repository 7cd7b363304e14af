"""The snippets of the textbooks can be written one to one, and make the same Keras models."""

from typing import Any

import keras
import pytest
from pydantic import TypeAdapter

from modelyard.networks import Network
from modelyard.spec import Features, Head

NETWORK = TypeAdapter(Network)
IMAGE = Features("image", (28, 28, 1))


def network(*layers: dict[str, Any]) -> Any:
    return NETWORK.validate_python({"type": "layers", "layers": list(layers)})


def plain(value: Any) -> Any:
    """A configuration without the names, which Keras counts up and we choose."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "name"}
    return [plain(item) for item in value] if isinstance(value, list) else value


def assert_same(ours: keras.Model, textbook: keras.Model) -> None:
    assert [type(layer) for layer in ours.layers] == [type(layer) for layer in textbook.layers]
    for mine, theirs in zip(ours.layers, textbook.layers, strict=True):
        assert plain(mine.get_config()) == plain(theirs.get_config())
    assert ours.count_params() == textbook.count_params()
    assert ours.output_shape == textbook.output_shape


def test_a_convolutional_network() -> None:
    ours = network(
        {"type": "conv2d", "filters": 32, "kernel_size": [3, 3], "activation": "relu"},
        {"type": "max_pooling2d", "pool_size": [2, 2]},
        {"type": "flatten"},
        {"type": "dense", "units": 128, "activation": "relu"},
        {"type": "dense", "units": 10, "activation": "softmax"},
    )
    textbook = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, (3, 3), activation="relu"),
            keras.layers.MaxPooling2D((2, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )

    assert_same(ours.build(IMAGE, Head(10, "softmax")), textbook)
    assert ours.parameters(IMAGE, Head(10, "softmax")) == textbook.count_params()


def test_a_recurrent_network() -> None:
    features = Features("series", (20, 3))
    ours = network({"type": "simple_rnn", "units": 50}, {"type": "dense", "units": 10})
    textbook = keras.Sequential(
        [keras.Input((20, 3)), keras.layers.SimpleRNN(50), keras.layers.Dense(10)]
    )

    assert_same(ours.build(features, Head(10, "linear")), textbook)


def test_dropout_and_a_weight_penalty() -> None:
    features = Features("vector", (30,))
    ours = network(
        {"type": "dense", "units": 64, "activation": "relu", "kernel_regularizer": {"l2": 0.01}},
        {"type": "dropout", "rate": 0.5},
        {"type": "dense", "units": 2, "activation": "softmax"},
    )
    textbook = keras.Sequential(
        [
            keras.Input((30,)),
            keras.layers.Dense(
                64, activation="relu", kernel_regularizer=keras.regularizers.l2(0.01)
            ),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )

    assert_same(ours.build(features, Head(2, "softmax")), textbook)


def test_a_preset_is_its_layers() -> None:
    preset = NETWORK.validate_python({"type": "cnn", "filters": [32], "units": [128]})
    textbook = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )

    assert_same(preset.build(IMAGE, Head(10, "softmax")), textbook)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_the_answer_is_float32_under_mixed_precision(policy: str) -> None:
    preset = NETWORK.validate_python({"type": "cnn"})
    keras.config.set_dtype_policy(policy)
    try:
        model = preset.build(IMAGE, Head(10, "softmax"))
    finally:
        keras.config.set_dtype_policy("float32")

    assert model.layers[0].compute_dtype == policy.removeprefix("mixed_")
    assert model.layers[-1].compute_dtype == "float32"


def test_the_input_is_named_after_what_it_is() -> None:
    tokens = Features("tokens", (12,), vocabulary=50)
    model = NETWORK.validate_python({"type": "rnn"}).build(tokens, Head(2, "softmax"))

    assert [tensor.name for tensor in model.inputs] == ["tokens"]
    assert model.inputs[0].dtype == "int32"


def test_a_text_that_is_all_padding_has_a_finite_answer() -> None:
    tokens = Features("tokens", (12,), vocabulary=50)
    padding = keras.ops.zeros((1, 12), "int32")

    for kind in ("dense", "cnn", "rnn"):
        scores = NETWORK.validate_python({"type": kind}).build(tokens, Head(3, "softmax"))(padding)
        assert float(keras.ops.sum(scores)) == pytest.approx(1)
