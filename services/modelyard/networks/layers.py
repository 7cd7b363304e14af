"""A network listed layer by layer, as in a textbook; its last layer is the answer."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from modelyard.errors import InvalidRequest
from modelyard.networks import network
from modelyard.networks.layer import EmbeddingLayer, Layer
from modelyard.spec import Features, Head, Shape, Spec

if TYPE_CHECKING:
    import keras

AnyLayer = TypeVar("AnyLayer", bound=Spec)


class Layers(Spec):
    """The list owns its head: the last layer must answer what the task asks for."""

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tokens", "series", "vector"})

    type: Literal["layers"] = "layers"
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=500)]

    def expand(self, features: Features, head: Head) -> tuple[Layer, ...]:
        """The list as it is, but for an embedding without a size, which gets the task's vocabulary."""
        return tuple(sized(layer, features) for layer in self.layers)

    def check(self, features: Features, head: Head) -> Shape:
        """The shape of the answer. Raises InvalidRequest such as `network.layers[2].kernel_size: …`."""
        _check_inputs(self.layers)
        _check_tokens(self.layers, features)
        answer = network.check(self.expand(features, head), features, head, listed=True)
        where = f"network.layers[{len(self.layers) - 1}]"
        network.check_activation(self.layers[-1], where, head)
        return answer

    def parameters(self, features: Features, head: Head) -> int | None:
        return network.parameters(self.expand(features, head), features, listed=True)

    def build(self, features: Features, head: Head) -> "keras.Model":
        self.check(features, head)
        return network.build(self.expand(features, head), features, self.type)


def sized(layer: AnyLayer, features: Features) -> AnyLayer:
    if isinstance(layer, EmbeddingLayer) and layer.input_dim is None:
        return layer.model_copy(update={"input_dim": features.vocabulary})
    return layer


def _check_inputs(layers: tuple[Layer, ...]) -> None:
    for index, layer in enumerate(layers):
        if layer.inputs is not None:
            raise InvalidRequest.of(
                f"network.layers[{index}].inputs",
                "a list of layers is read from top to bottom; only a graph says who reads whom",
                expected="network.type: graph, or no inputs",
                received=", ".join(layer.inputs),
            )


def _check_tokens(layers: tuple[Layer, ...], features: Features) -> None:
    first = layers[0]
    if features.kind == "tokens" and not isinstance(first, EmbeddingLayer):
        raise InvalidRequest.of(
            "network.layers[0].type",
            "tokens are numbers of words, which only an embedding can read",
            expected="embedding",
            received=first.type,
        )
    for index, layer in enumerate(layers):
        if isinstance(layer, EmbeddingLayer):
            _check_embedding(layer, index, features)


def _check_embedding(layer: EmbeddingLayer, index: int, features: Features) -> None:
    if features.kind != "tokens" or index > 0:
        raise InvalidRequest.of(
            f"network.layers[{index}].type",
            "an embedding reads tokens, so it can only be the first layer of a network on text",
            received=f"{layer.type} on {features.kind}",
        )
    network.check_embedding_size(layer, f"network.layers[{index}]", features)
