"""Shapes and weights that are told without TensorFlow are those that Keras computes."""

from typing import Any

import keras
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from modelyard.errors import InvalidRequest
from modelyard.networks.layer import Layer, Node

LAYER = TypeAdapter(Layer)
NODE = TypeAdapter(Node)
Request = dict[str, Any]
few = st.integers(1, 4)
sides = st.integers(1, 12)
images = st.tuples(sides, sides, st.sampled_from([1, 2, 4]))
series = st.tuples(sides, st.sampled_from([1, 2, 4]))
anything = st.one_of(st.tuples(few), series, images)


def both(values: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.tuples(values, values))


def request(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Request]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


def recurrent(kind: str) -> st.SearchStrategy[Request]:
    return request(
        kind,
        units=few,
        return_sequences=st.booleans(),
        bidirectional=st.booleans(),
        use_bias=st.booleans(),
    )


same_or_valid = st.sampled_from(["same", "valid"])
kernel = {"filters": st.sampled_from([2, 4]), "padding": same_or_valid, "use_bias": st.booleans()}

ON_IMAGES = st.one_of(
    request(
        "conv2d",
        kernel_size=both(few),
        strides=both(few),
        dilation_rate=both(few),
        groups=st.sampled_from([1, 2]),
        **kernel,
    ),
    request("separable_conv2d", kernel_size=both(few), strides=few, depth_multiplier=few, **kernel),
    request(
        "depthwise_conv2d",
        kernel_size=both(few),
        strides=few,
        depth_multiplier=few,
        padding=same_or_valid,
        use_bias=st.booleans(),
    ),
    request("conv2d_transpose", kernel_size=both(few), strides=both(few), **kernel),
    request(
        "up_sampling2d", size=both(few), interpolation=st.sampled_from(["nearest", "bilinear"])
    ),
    request("cropping2d", cropping=both(st.integers(0, 4))),
    request("max_pooling2d", pool_size=both(few), padding=same_or_valid),
    request("average_pooling2d", pool_size=both(few), strides=both(few), padding=same_or_valid),
    request("global_max_pooling2d"),
    request("global_average_pooling2d"),
    request("spatial_dropout2d", rate=st.just(0.5)),
    request("zero_padding2d", padding=both(few)),
)
ON_SERIES = st.one_of(
    request(
        "conv1d",
        kernel_size=few,
        strides=few,
        dilation_rate=few,
        groups=st.sampled_from([1, 2]),
        filters=st.sampled_from([2, 4]),
        padding=st.sampled_from(["same", "valid", "causal"]),
        use_bias=st.booleans(),
    ),
    request("separable_conv1d", kernel_size=few, strides=few, depth_multiplier=few, **kernel),
    request(
        "depthwise_conv1d",
        kernel_size=few,
        strides=few,
        depth_multiplier=few,
        padding=same_or_valid,
        use_bias=st.booleans(),
    ),
    request("conv1d_transpose", kernel_size=few, strides=few, **kernel),
    request("up_sampling1d", size=few),
    request("cropping1d", cropping=both(st.integers(0, 4))),
    request("max_pooling1d", pool_size=few, padding=same_or_valid),
    request("average_pooling1d", pool_size=few, strides=few, padding=same_or_valid),
    request("global_max_pooling1d"),
    request("global_average_pooling1d"),
    request("spatial_dropout1d", rate=st.just(0.5)),
    request("zero_padding1d", padding=both(few)),
    recurrent("simple_rnn"),
    recurrent("lstm"),
    recurrent("gru"),
)
ON_ANYTHING = st.one_of(
    request("dense", units=few, use_bias=st.booleans()),
    request("flatten"),
    request("reshape", target_shape=st.just([-1, 2])),
    request("activation", activation=st.sampled_from(["relu", "softmax"])),
    request("leaky_relu", negative_slope=st.just(0.2)),
    request("prelu"),
    request("dropout", rate=st.just(0.5)),
    request("gaussian_noise", stddev=st.just(0.1)),
    request("batch_normalization", center=st.booleans(), scale=st.booleans()),
    request("group_normalization", groups=few, center=st.booleans(), scale=st.booleans()),
    request("unit_normalization"),
    request("layer_normalization", center=st.booleans(), scale=st.booleans()),
)


def check_against_keras(request: Request, shape: tuple[int, ...]) -> None:
    layer = LAYER.validate_python(request)
    keras_says = run(layer, shape)
    try:
        told = (layer.output_shape(shape), layer.parameters(shape))
    except InvalidRequest:
        told = None

    assert told == keras_says


def run(layer: Any, shape: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
    """The shape and the number of weights of the Keras layer; None where it refuses the input.

    TensorFlow refuses an empty answer only when it runs, Keras not at all.
    """
    try:
        built = layer.keras()
        answer = built(keras.Input(shape))
    except Exception:  # Keras has no error of its own
        return None
    return None if 0 in answer.shape else (answer.shape[1:], built.count_params())


@settings(deadline=None, max_examples=150)
@given(ON_IMAGES, images)
def test_on_images(request: Request, shape: tuple[int, int, int]) -> None:
    check_against_keras(request, shape)


@settings(deadline=None, max_examples=150)
@given(ON_SERIES, series)
def test_on_series(request: Request, shape: tuple[int, int]) -> None:
    check_against_keras(request, shape)


@settings(deadline=None, max_examples=100)
@given(ON_ANYTHING, anything)
def test_on_anything(request: Request, shape: tuple[int, ...]) -> None:
    check_against_keras(request, shape)


MERGES = ["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate"]


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(MERGES), st.lists(images | series, min_size=2, max_size=2), st.booleans())
def test_merges(kind: str, shapes: list[tuple[int, ...]], alike: bool) -> None:
    """Keras stretches sizes of 1, which is refused here: a mistake more often than meant."""
    shapes = [shapes[0], (*shapes[0][:-1], shapes[1][-1])] if alike else shapes
    assume(
        kind == "concatenate" or len(shapes[0]) != len(shapes[1]) or 1 not in shapes[0] + shapes[1]
    )
    merge = NODE.validate_python({"type": kind})
    try:
        answer = merge.keras()([keras.Input(shape) for shape in shapes]).shape[1:]
    except ValueError:
        answer = None
    assume(answer is None or len(shapes[0]) == len(shapes[1]))
    try:
        told = merge.merged_shape(shapes)
    except InvalidRequest:
        told = None

    assert told == answer


@given(st.permutations([1, 2, 3]), images)
def test_permute(dims: list[int], shape: tuple[int, int, int]) -> None:
    check_against_keras({"type": "permute", "dims": dims}, shape)


@given(few, sides)
def test_repeat_vector(n: int, size: int) -> None:
    check_against_keras({"type": "repeat_vector", "n": n}, (size,))


@given(few, sides)
def test_embedding(size: int, length: int) -> None:
    check_against_keras({"type": "embedding", "input_dim": 9, "output_dim": size}, (length,))


@settings(deadline=None, max_examples=60)
@given(st.one_of(ON_IMAGES, ON_ANYTHING), images, st.sampled_from([0, 1]))
def test_a_size_that_is_not_known_stays_open(
    request: Request, shape: tuple[int, int, int], unknown: int
) -> None:
    layer = LAYER.validate_python(request)
    opened = tuple(None if i == unknown else size for i, size in enumerate(shape))
    try:
        whole = layer.output_shape(shape)
    except InvalidRequest:
        assume(False)

    told = layer.output_shape(opened)

    assert len(told) == len(whole)
    assert all(size in (None, other) for size, other in zip(told, whole, strict=True))


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [
        ("he_normal", keras.initializers.HeNormal()),
        ("lecun_uniform", keras.initializers.LecunUniform()),
        ("zeros", keras.initializers.Zeros()),
        ({"type": "random_normal", "stddev": 0.2}, keras.initializers.RandomNormal(stddev=0.2)),
        ({"type": "random_uniform", "minval": -1}, keras.initializers.RandomUniform(minval=-1.0)),
        ({"type": "constant", "value": 3}, keras.initializers.Constant(3.0)),
        ({"type": "orthogonal", "gain": 2}, keras.initializers.Orthogonal(2.0)),
        (
            {"type": "variance_scaling", "scale": 2, "mode": "fan_avg"},
            keras.initializers.VarianceScaling(2.0, "fan_avg"),
        ),
    ],
)
def test_initializers(initializer: Any, expected: keras.Initializer) -> None:
    layer = LAYER.validate_python({"type": "dense", "units": 3, "kernel_initializer": initializer})

    made = layer.keras().kernel_initializer

    assert type(made) is type(expected)
    assert made.get_config() == expected.get_config()


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        ({"l2": 0.01}, keras.regularizers.L2(0.01)),
        ({"l1": 0.01}, keras.regularizers.L1(0.01)),
        ({"l1": 0.1, "l2": 0.01}, keras.regularizers.L1L2(0.1, 0.01)),
    ],
)
def test_regularizers(regularizer: Any, expected: keras.Regularizer) -> None:
    layer = LAYER.validate_python({"type": "dense", "units": 3, "kernel_regularizer": regularizer})

    made = layer.keras().kernel_regularizer

    assert type(made) is type(expected)
    assert made.get_config() == expected.get_config()
