"""What is wrong with a network is said before anything is queued, and where."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from modelyard.errors import InvalidRequest
from modelyard.networks import Network
from modelyard.spec import Features, Head

NETWORK = TypeAdapter(Network)
IMAGE = Features("image", (28, 28, 1))
TOKENS = Features("tokens", (12,), vocabulary=50)
SERIES = Features("series", (24, 2))
VECTOR = Features("vector", (30,))
SOFTMAX, LINEAR = Head(10, "softmax"), Head(10, "linear")

FLATTEN = {"type": "flatten"}
ANSWER = {"type": "dense", "units": 10, "activation": "softmax"}
CONV = {"type": "conv2d", "filters": 8, "kernel_size": 3}
EMBED = {"type": "embedding", "output_dim": 4}


def refusal(request: dict[str, Any], features: Features, head: Head) -> InvalidRequest:
    network = NETWORK.validate_python(request)
    with pytest.raises(InvalidRequest) as caught:
        network.check(features, head)
    return caught.value


@pytest.mark.parametrize(
    ("layers", "features", "head", "field", "expected", "received"),
    [
        # a kernel that is larger than what the pooling left
        (
            [{"type": "max_pooling2d", "pool_size": 14}, CONV, FLATTEN, ANSWER],
            *(IMAGE, SOFTMAX, "network.layers[1].kernel_size", "at most 2", "3"),
        ),
        # a recurrent layer after one that did not answer at every step
        (
            [{"type": "lstm", "units": 4}, {"type": "lstm", "units": 4}, ANSWER],
            *(SERIES, SOFTMAX, "network.layers[1]", "(steps, features)", "(4,)"),
        ),
        # the layer before the answer was never flattened
        ([CONV, ANSWER], IMAGE, SOFTMAX, "network.layers[1]", "(10,)", "(26, 26, 10)"),
        # as many units as there are classes
        (
            [FLATTEN, {**ANSWER, "units": 7}],
            *(IMAGE, SOFTMAX, "network.layers[1].units", "10", "7"),
        ),
        # a missing softmax
        (
            [FLATTEN, {"type": "dense", "units": 10}],
            *(IMAGE, SOFTMAX, "network.layers[1].activation", "softmax", "linear"),
        ),
        # a softmax where numbers are asked for
        ([FLATTEN, ANSWER], SERIES, LINEAR, "network.layers[1].activation", "linear", "softmax"),
        # the tanh that recurrent layers have by themselves
        (
            [{"type": "simple_rnn", "units": 10}],
            *(SERIES, LINEAR, "network.layers[0].activation", "linear", "tanh"),
        ),
        # words are numbers only by name
        ([ANSWER], TOKENS, SOFTMAX, "network.layers[0].type", "embedding", "dense"),
        (
            [{**EMBED, "input_dim": 49}, FLATTEN, ANSWER],
            *(TOKENS, SOFTMAX, "network.layers[0].input_dim", "at least 50, or unset", "49"),
        ),
        (
            [{"type": "reshape", "target_shape": [28, 27]}, FLATTEN, ANSWER],
            *(IMAGE, SOFTMAX, "network.layers[0].target_shape", None, "(28, 27)"),
        ),
        (
            [{**CONV, "groups": 2}, FLATTEN, ANSWER],
            IMAGE,
            SOFTMAX,
            "network.layers[0].groups",
            "a divisor of 1",
            "2",
        ),
        (
            [{"type": "permute", "dims": [1, 1, 2]}, FLATTEN, ANSWER],
            IMAGE,
            SOFTMAX,
            "network.layers[0].dims",
            "the numbers 1 to 3",
            "(1, 1, 2)",
        ),
    ],
)
def test_the_layer_and_its_field_are_named(
    layers: list[dict[str, Any]],
    features: Features,
    head: Head,
    field: str,
    expected: str | None,
    received: str,
) -> None:
    violation = refusal({"type": "layers", "layers": layers}, features, head).violations[0]

    assert violation.field == field
    assert violation.received == received
    assert expected is None or violation.expected == expected


def test_an_embedding_belongs_in_front() -> None:
    violation = refusal({"type": "layers", "layers": [EMBED, FLATTEN, ANSWER]}, VECTOR, SOFTMAX)

    assert violation.violations[0].field == "network.layers[0].type"


@pytest.mark.parametrize(("kind", "features"), [("rnn", IMAGE), ("rnn", VECTOR), ("cnn", VECTOR)])
def test_a_network_that_cannot_read_the_features(kind: str, features: Features) -> None:
    violation = refusal({"type": kind}, features, SOFTMAX).violations[0]

    assert violation.field == "network.type"
    assert violation.expected == f"a network that reads {features.kind}"


def test_a_preset_that_pools_more_than_there_is() -> None:
    violation = refusal({"type": "cnn", "filters": [8] * 5}, IMAGE, SOFTMAX).violations[0]

    assert violation.field == "network"
    assert "max_pooling2d pool_size, layer 9" in violation.message
    assert (violation.expected, violation.received) == ("at most 1", "2")


def test_sizes_that_are_not_known_yet_are_no_errors() -> None:
    network = NETWORK.validate_python({"type": "layers", "layers": [CONV, FLATTEN, ANSWER]})
    unknown = Features("image", (None, None, None))

    assert network.check(unknown, Head(None, "softmax")) == (10,)
    assert network.parameters(unknown, Head(None, "softmax")) is None


def test_a_network_is_not_built_before_every_size_is_known() -> None:
    network = NETWORK.validate_python({"type": "cnn"})

    with pytest.raises(InvalidRequest, match=r"every size is known .*\(\?, \?, 1\)"):
        network.build(Features("image", (None, None, 1)), SOFTMAX)


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        ({"type": "transformer"}, ()),
        ({"type": "dense", "unit": [3]}, ("dense", "unit")),
        ({"type": "dense", "units": [0]}, ("dense", "units", 0)),
        ({"type": "dense", "dropout": 1.0}, ("dense", "dropout")),
        ({"type": "dense", "activation": "lambda x: x"}, ("dense", "activation")),
        ({"type": "layers", "layers": []}, ("layers", "layers")),
        (
            {"type": "layers", "layers": [{"type": "lambda", "function": "x"}]},
            ("layers", "layers", 0),
        ),
        (
            {"type": "layers", "layers": [{**ANSWER, "kernel_regularizer": {}}]},
            ("layers", "layers", 0, "dense", "kernel_regularizer"),
        ),
        (
            {"type": "layers", "layers": [{**CONV, "kernel_size": [3, 3, 3]}]},
            ("layers", "layers", 0, "conv2d", "kernel_size"),
        ),
    ],
)
def test_what_is_no_network(request_: dict[str, Any], where: tuple[Any, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        NETWORK.validate_python(request_)

    places = [error["loc"][: len(where)] for error in caught.value.errors()]
    assert where in places
