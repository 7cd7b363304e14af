"""A network drawn as a graph: every layer names those that it reads, so that paths split, skip and join."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelyard.errors import InvalidRequest, Violation
from modelyard.networks import network
from modelyard.networks.layer import Concatenate, EmbeddingLayer, Merge, Node
from modelyard.networks.layer.values import LayerName
from modelyard.networks.layers import sized
from modelyard.spec import Features, Head, Shape, Spec

if TYPE_CHECKING:
    import keras

INPUT = "input"
"""What the task feeds the network."""


@dataclass(frozen=True)
class Placed:
    """A layer with its place in the list, its name, and the names that it reads."""

    index: int
    name: str
    reads: tuple[str, ...]
    layer: Node

    @property
    def where(self) -> str:
        return f"network.layers[{self.index}]"

    def output_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        """Raises InvalidRequest with the path of the field."""
        read = [shapes[name] for name in self.reads]
        try:
            if isinstance(self.layer, Merge | Concatenate):
                return self.layer.merged_shape(read)
            return self.layer.output_shape(read[0])
        except InvalidRequest as error:
            raise network.located(error, self.layer, self.index, listed=True) from None

    def parameters(self, shapes: Mapping[str, Shape]) -> int | None:
        if isinstance(self.layer, Merge | Concatenate):
            return 0
        return self.layer.parameters(shapes[self.reads[0]])


class Graph(Spec):
    """Layers may stand in any order; those that nothing leads to or from, and cycles, are errors."""

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tokens", "series", "vector"})

    type: Literal["graph"] = "graph"
    layers: Annotated[tuple[Node, ...], Field(min_length=1, max_length=500)]
    output: LayerName | None = None
    """The layer that answers; the last one if unset."""

    def expand(self, features: Features, head: Head) -> tuple[Node, ...]:
        """In an order in which every layer stands after those that it reads."""
        return tuple(placed.layer for placed in self._order(features))

    def outline(self, features: Features) -> Iterator[tuple[str, Shape, int | None]]:
        """Type, shape of the answer and weights of every layer, in the order of `expand`."""
        order = self._order(features)
        shapes = _shapes(order, features)
        for placed in order:
            yield placed.layer.type, shapes[placed.name], placed.parameters(shapes)

    def check(self, features: Features, head: Head) -> Shape:
        """The shape of the answer. Raises InvalidRequest such as `network.layers[2].inputs[0]: …`."""
        order = self._order(features)
        answer = _shapes(order, features)[self._output]
        last = next(placed for placed in order if placed.name == self._output)
        network.check_vector(last.layer, last.where, answer, head)
        network.check_activation(last.layer, last.where, head)
        return answer

    def parameters(self, features: Features, head: Head) -> int | None:
        counts = [count for _, _, count in self.outline(features)]
        return None if None in counts else sum(count or 0 for count in counts)

    def build(self, features: Features, head: Head) -> "keras.Model":
        import keras  # TensorFlow comes with it, and requests are read without it

        self.check(features, head)
        source = network.keras_input(features)
        tensors: dict[str, Any] = {INPUT: source}
        for placed in self._order(features):
            is_answer = placed.name == self._output
            # As in `network.build`: the answer is computed in float32.
            made = placed.layer.keras(
                **({"name": "answer", "dtype": "float32"} if is_answer else {"name": placed.name})
            )
            read = [tensors[name] for name in placed.reads]
            is_merge = isinstance(placed.layer, Merge | Concatenate)
            tensors[placed.name] = made(read if is_merge else read[0])
        return keras.Model(source, tensors[self._output], name=self.type)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(
            layer.name or f"{layer.type}_{index}" for index, layer in enumerate(self.layers)
        )

    @property
    def _output(self) -> str:
        return self.output or self._names[-1]

    def _order(self, features: Features) -> list[Placed]:
        placed = self._placed(features)
        _check_names(placed)
        _check_inputs(placed)
        if self._output not in self._names:
            raise _unknown("network.output", self._output, self._names)
        _check_tokens(placed, features)
        order = _sorted(placed)
        _check_used(order, self._output)
        return order

    def _placed(self, features: Features) -> list[Placed]:
        before = (INPUT, *self._names)
        return [
            Placed(index, self._names[index], layer.inputs or (before[index],), layer)
            for index, layer in enumerate(sized(layer, features) for layer in self.layers)
        ]


def _shapes(order: Sequence[Placed], features: Features) -> dict[str, Shape]:
    shapes = {INPUT: features.shape}
    for placed in order:
        shapes[placed.name] = placed.output_shape(shapes)
    return shapes


def _sorted(placed: Sequence[Placed]) -> list[Placed]:
    """Every layer after those that it reads; raises InvalidRequest naming a layer of a cycle."""
    order: list[Placed] = []
    done, left = {INPUT}, list(placed)
    while left:
        ready = [layer for layer in left if done.issuperset(layer.reads)]
        if not ready:
            raise _cycle(left)
        order += ready
        done.update(layer.name for layer in ready)
        left = [layer for layer in left if layer.name not in done]
    return order


def _cycle(left: Sequence[Placed]) -> InvalidRequest:
    """Every layer that is left reads another one of them: followed back, they come round."""
    by_name = {layer.name: layer for layer in left}
    path, name = [left[0].name], left[0].name
    while path.count(name) < 2:
        name = next(read for read in by_name[name].reads if read in by_name)
        path.append(name)
    around = path[path.index(name) :]
    return InvalidRequest.of(
        f"{by_name[name].where}.inputs",
        "is a cycle, and layers can only read what was computed before them",
        received=" reads ".join(around),
    )


def _check_names(placed: Sequence[Placed]) -> None:
    seen = {INPUT}
    for layer in placed:
        if layer.name in seen:
            what = "is what the task feeds" if layer.name == INPUT else "is taken by another layer"
            raise InvalidRequest.of(f"{layer.where}.name", what, received=layer.name)
        seen.add(layer.name)


def _check_inputs(placed: Sequence[Placed]) -> None:
    names = (INPUT, *(layer.name for layer in placed))
    for layer in placed:
        for index, name in enumerate(layer.reads):
            if name not in names:
                raise _unknown(f"{layer.where}.inputs[{index}]", name, names)
        _check_number(layer)


def _check_number(placed: Placed) -> None:
    count = len(placed.reads)
    kind = placed.layer.type
    if not isinstance(placed.layer, Merge | Concatenate):
        fits, expected = count == 1, "1"
    elif kind == "subtract":
        fits, expected = count == 2, "2"
    else:
        fits, expected = count > 1, "at least 2"
    if not fits:
        raise InvalidRequest.of(
            f"{placed.where}.inputs",
            f"{kind} reads another number of layers",
            expected=expected,
            received=str(count),
        )


def _check_tokens(placed: Sequence[Placed], features: Features) -> None:
    for layer in placed:
        reads_tokens = features.kind == "tokens" and INPUT in layer.reads
        if reads_tokens != isinstance(layer.layer, EmbeddingLayer):
            raise InvalidRequest.of(
                f"{layer.where}.type",
                "tokens are numbers of words: an embedding reads them, and nothing else does",
                expected="embedding" if reads_tokens else "another layer",
                received=f"{layer.layer.type} on {features.kind}",
            )
        if isinstance(layer.layer, EmbeddingLayer):
            network.check_embedding_size(layer.layer, layer.where, features)


def _check_used(order: Sequence[Placed], output: str) -> None:
    used = {output}
    for layer in reversed(order):
        if layer.name in used:
            used.update(layer.reads)
    unused = tuple(
        Violation(
            f"{layer.where}",
            "leads nowhere: no path goes from it to the output",
            received=layer.name,
        )
        for layer in order
        if layer.name not in used
    )
    if unused:
        raise InvalidRequest.of_all(unused)


def _unknown(field: str, name: str, names: Sequence[str]) -> InvalidRequest:
    return InvalidRequest.of(
        field, "there is no such layer", expected=f"one of {', '.join(names)}", received=name
    )
