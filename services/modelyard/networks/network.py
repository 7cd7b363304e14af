"""What every network does with the layers that it expands to: walk their shapes, count, build.

`listed` says that the request lists the layers itself, so that an error can name the one it is about.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from modelyard.errors import InvalidRequest, Violation
from modelyard.networks.layer import DenseLayer, EmbeddingLayer, Layer, Node
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
            raise located(error, layer, index, listed=listed) from None
    return found


def check_answer(layers: Sequence[Layer], shape: Shape, head: Head, *, listed: bool) -> None:
    """Raises InvalidRequest unless the last layer answers one vector of the head's size."""
    where = f"network.layers[{len(layers) - 1}]" if listed else "network"
    check_vector(layers[-1], where, shape, head)


def check_vector(last: Layer | Node, where: str, shape: Shape, head: Head) -> None:
    """`where` is the path of the layer that answers with `shape`."""
    wanted = f"({'?' if head.units is None else head.units},)"
    if len(shape) != 1:
        raise InvalidRequest.of(
            where, "must answer one vector for an example", expected=wanted, received=text(shape)
        )
    if None not in (shape[0], head.units) and shape[0] != head.units:
        field = f"{where}.units" if isinstance(last, DenseLayer) else where
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

    model = keras.Sequential([keras_input(features)], name=name)
    for index, layer in enumerate(layers[:-1]):
        model.add(layer.keras(name=f"{layer.type}_{index}"))
    model.add(layers[-1].keras(name="answer", dtype="float32"))
    return model


def keras_input(features: Features) -> "keras.KerasTensor":
    """Named after the kind of features."""
    import keras  # as above

    if None in features.shape:
        raise InvalidRequest.of(
            "network", "cannot be built before every size is known", received=text(features.shape)
        )
    dtype = "int32" if features.kind == "tokens" else "float32"
    return keras.Input(features.shape, dtype=dtype, name=features.kind)


def check_activation(last: Layer | Node, where: str, head: Head) -> None:
    found = getattr(last, "activation", "linear")
    if found != head.activation:
        raise InvalidRequest.of(
            f"{where}.activation",
            "the last layer must end with the activation that the task needs",
            expected=head.activation,
            received=found,
        )


def check_embedding_size(layer: EmbeddingLayer, where: str, features: Features) -> None:
    if layer.input_dim and features.vocabulary and layer.input_dim < features.vocabulary:
        raise InvalidRequest.of(
            f"{where}.input_dim",
            "is smaller than the task's vocabulary",
            expected=f"at least {features.vocabulary}, or unset",
            received=str(layer.input_dim),
        )


def located(
    error: InvalidRequest, layer: Layer | Node, index: int, *, listed: bool
) -> InvalidRequest:
    violations = error.violations or (Violation("", error.message),)
    return InvalidRequest.of_all(tuple(_at(v, layer, index, listed) for v in violations))


def _at(violation: Violation, layer: Layer | Node, index: int, listed: bool) -> Violation:
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
