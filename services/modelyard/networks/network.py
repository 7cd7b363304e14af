"""What every network does with the layers that it expands to: walk their shapes, count, build.

`listed` says that the request lists the layers itself, so that an error can name the one it is about.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from modelyard.errors import InvalidRequest, Violation
from modelyard.networks.layer import DenseLayer, Layer
from modelyard.networks.layer.values import text
from modelyard.spec import Features, Head, Shape

if TYPE_CHECKING:
    import keras


def check_kind(network: str, kinds: Collection[str], features: Features) -> None:
    if features.kind not in kinds:
        raise InvalidRequest.of(
            "network.type",
            "cannot read what the task feeds it",
            expected=f"a network that reads {features.kind}",
            received=f"{network}, which reads {', '.join(sorted(kinds))}",
        )


def shapes(layers: Sequence[Layer], features: Features, *, listed: bool) -> list[Shape]:
    """What each layer is given and, last, what the network answers.

    Raises InvalidRequest naming the layer that does not fit its input.
    """
    found = [features.shape]
    for index, layer in enumerate(layers):
        try:
            found.append(layer.output_shape(found[-1]))
        except InvalidRequest as error:
            raise _located(error, layer, index, listed=listed) from None
    return found


def check_answer(layers: Sequence[Layer], shape: Shape, head: Head, *, listed: bool) -> None:
    """Raises InvalidRequest unless the last layer answers one vector of the head's size."""
    where = f"network.layers[{len(layers) - 1}]" if listed else "network"
    wanted = f"({'?' if head.units is None else head.units},)"
    if len(shape) != 1:
        raise InvalidRequest.of(
            where, "must answer one vector for an example", expected=wanted, received=text(shape)
        )
    if None not in (shape[0], head.units) and shape[0] != head.units:
        field = f"{where}.units" if isinstance(layers[-1], DenseLayer) else where
        raise InvalidRequest.of(
            field,
            "the last layer must answer as many values as the task asks for",
            expected=str(head.units),
            received=str(shape[0]),
        )


def check(layers: Sequence[Layer], features: Features, head: Head, *, listed: bool) -> Shape:
    answer = shapes(layers, features, listed=listed)[-1]
    check_answer(layers, answer, head, listed=listed)
    return answer


def parameters(layers: Sequence[Layer], features: Features, *, listed: bool) -> int | None:
    """The number of weights, as Keras' `count_params`; None while a size is unknown."""
    total = 0
    for layer, shape in zip(layers, shapes(layers, features, listed=listed), strict=False):
        count = layer.parameters(shape)
        if count is None:
            return None
        total += count
    return total


def build(layers: Sequence[Layer], features: Features, name: str) -> "keras.Model":
    """The Keras model; its one input is named after the kind of features.

    The last layer computes in float32 under every precision policy, because softmax and losses need it.
    """
    import keras  # TensorFlow comes with it, and requests are read without it

    if None in features.shape:
        raise InvalidRequest.of(
            "network", "cannot be built before every size is known", received=text(features.shape)
        )
    dtype = "int32" if features.kind == "tokens" else "float32"
    model = keras.Sequential(
        [keras.Input(features.shape, dtype=dtype, name=features.kind)], name=name
    )
    for index, layer in enumerate(layers[:-1]):
        model.add(layer.keras(name=f"{layer.type}_{index}"))
    model.add(layers[-1].keras(name="answer", dtype="float32"))
    return model


def _located(error: InvalidRequest, layer: Layer, index: int, *, listed: bool) -> InvalidRequest:
    violations = error.violations or (Violation("", error.message),)
    return InvalidRequest.of_all(tuple(_at(v, layer, index, listed) for v in violations))


def _at(violation: Violation, layer: Layer, index: int, listed: bool) -> Violation:
    field, message = violation.field, violation.message
    if listed:
        where = f"network.layers[{index}]" + (f".{field}" if field else "")
        return Violation(where, f"{layer.type} {message}", violation.expected, violation.received)
    what = f"{layer.type} {field}".rstrip()
    return Violation(
        "network",
        f"{what}, layer {index} of those it stands for, {message}",
        violation.expected,
        violation.received,
    )
