"""Networks that are graphs: skips and joins as Keras computes them, and what is wrong with them said before."""

from typing import Any

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter

from modelyard.errors import InvalidRequest
from modelyard.networks import Graph, Network
from modelyard.spec import Features, Head

NETWORK = TypeAdapter(Network)
IMAGE = Features("image", (8, 8, 1))
VECTOR = Features("vector", (4,))
TOKENS = Features("tokens", (6,), vocabulary=20)
SOFTMAX = Head(3, "softmax")
ANSWER = {"type": "dense", "units": 3, "activation": "softmax", "name": "scores"}

RESIDUAL = [
    {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same", "name": "stem"},
    {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same"},
    {"type": "batch_normalization"},
    {"type": "add", "inputs": ["stem", "batch_normalization_2"], "name": "skip"},
    {"type": "activation", "activation": "relu"},
    {"type": "global_average_pooling2d"},
    ANSWER,
]


def graph(*layers: dict[str, Any], **fields: Any) -> Graph:
    network = NETWORK.validate_python({"type": "graph", "layers": layers, **fields})
    assert isinstance(network, Graph)
    return network


def refusal(network: Graph, features: Features = VECTOR) -> tuple[str, str]:
    """Field and message."""
    with pytest.raises(InvalidRequest) as caught:
        network.check(features, SOFTMAX)
    violation = caught.value.violations[0]
    return violation.field, str(violation)


def test_a_residual_block_is_that_of_keras() -> None:
    network = graph(*RESIDUAL)

    model = network.build(IMAGE, SOFTMAX)

    assert network.check(IMAGE, SOFTMAX) == (3,)
    # by hand: 3·3·1·4 + 4, 3·3·4·4 + 4, 4·4, 4·3 + 3
    assert network.parameters(IMAGE, SOFTMAX) == model.count_params() == 40 + 148 + 16 + 15
    outputs = keras.Model(model.input, [model.get_layer(n).output for n in RESIDUAL_PARTS])
    stem, normal, skip = outputs(
        np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    )
    np.testing.assert_allclose(skip, stem + normal, rtol=1e-6)
    assert [tensor.name for tensor in model.inputs] == ["image"]
    assert model.layers[-1].name == "answer"


RESIDUAL_PARTS = ["stem", "batch_normalization_2", "skip"]


def test_layers_in_any_order_of_the_list() -> None:
    """Wide and deep: the features go to the answer through a hidden layer and past it."""
    network = graph(
        {**ANSWER, "inputs": ["both"]},
        {"type": "concatenate", "inputs": ["input", "hidden"], "name": "both"},
        {"type": "dense", "units": 5, "inputs": ["input"], "name": "hidden"},
        output="scores",
    )

    assert [layer.type for layer in network.expand(VECTOR, SOFTMAX)] == [
        "dense",
        "concatenate",
        "dense",
    ]
    assert list(network.outline(VECTOR)) == [
        ("dense", (5,), 25),
        ("concatenate", (9,), 0),
        ("dense", (3,), 30),
    ]
    assert network.build(VECTOR, SOFTMAX).count_params() == 55


def test_two_readings_of_one_text() -> None:
    network = graph(
        {"type": "embedding", "output_dim": 2, "name": "words", "inputs": ["input"]},
        {"type": "lstm", "units": 4, "name": "order"},
        {"type": "global_max_pooling1d", "inputs": ["words"], "name": "bag"},
        {"type": "concatenate", "inputs": ["order", "bag"]},
        ANSWER,
    )

    model = network.build(TOKENS, SOFTMAX)

    assert model.count_params() == network.parameters(TOKENS, SOFTMAX)
    assert model(np.zeros((2, 6), np.int32)).shape == (2, 3)


DENSE = {"type": "dense", "units": 4}


@pytest.mark.parametrize(
    ("layers", "field", "message"),
    [
        # a name that nothing has
        ([{**DENSE, "inputs": ["hiden"]}, ANSWER], "network.layers[0].inputs[0]", "received hiden"),
        # a cycle of two
        (
            [
                {**DENSE, "name": "a", "inputs": ["b"]},
                {**DENSE, "name": "b", "inputs": ["a"]},
                {**ANSWER, "inputs": ["b"]},
            ],
            "network.layers[0].inputs",
            "a reads b reads a",
        ),
        # a layer that reads itself
        ([{**DENSE, "name": "a", "inputs": ["a"]}, ANSWER], "network.layers[0].inputs", "cycle"),
        # two of one name
        ([{**DENSE, "name": "a"}, {**DENSE, "name": "a"}], "network.layers[1].name", "taken"),
        ([{**DENSE, "name": "input"}, ANSWER], "network.layers[0].name", "task feeds"),
        # a branch that ends
        (
            [{**DENSE, "name": "a"}, {**ANSWER, "inputs": ["input"]}],
            "network.layers[0]",
            "leads nowhere",
        ),
        # one layer for two inputs, and two for one
        ([{"type": "add", "inputs": ["input"]}, ANSWER], "network.layers[0].inputs", "at least 2"),
        (
            [{**DENSE, "name": "a"}, {**ANSWER, "inputs": ["a", "input"]}],
            "network.layers[1].inputs",
            "expected 1, received 2",
        ),
        # a sum of different sizes
        (
            [
                {"type": "dense", "units": 5, "name": "a"},
                {"type": "add", "inputs": ["input", "a"]},
                ANSWER,
            ],
            "network.layers[1].inputs[1]",
            "expected (4,), received (5,)",
        ),
        # what a layer cannot read
        (
            [{"type": "flatten"}, {"type": "lstm", "units": 2}, ANSWER],
            "network.layers[1]",
            "(steps, features)",
        ),
        # the answer
        ([{**ANSWER, "units": 2}], "network.layers[0].units", "expected 3, received 2"),
        ([{"type": "dense", "units": 3}], "network.layers[0].activation", "softmax"),
    ],
)
def test_what_is_wrong_is_named(layers: list[dict[str, Any]], field: str, message: str) -> None:
    found, text = refusal(graph(*layers))

    assert found == field
    assert message in text


def test_an_output_that_is_not_there() -> None:
    assert refusal(graph(ANSWER, output="score"))[0] == "network.output"


def test_only_an_embedding_reads_tokens() -> None:
    assert refusal(graph(DENSE, ANSWER), TOKENS)[0] == "network.layers[0].type"


def test_a_list_of_layers_names_no_inputs() -> None:
    network = NETWORK.validate_python(
        {"type": "layers", "layers": [{**DENSE, "inputs": ["input"]}, ANSWER]}
    )

    with pytest.raises(InvalidRequest, match=r"network\.layers\[0\]\.inputs"):
        network.check(VECTOR, SOFTMAX)
