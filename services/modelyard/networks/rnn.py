"""Recurrent layers, then dense layers, on text and series."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from modelyard.networks import network, preset
from modelyard.networks.layer import GRU, LSTM, Layer, SimpleRNN
from modelyard.networks.layer.values import GLOROT_UNIFORM, Activation, Rate, Regularizer, Units
from modelyard.spec import Features, Head, Shape, Spec

if TYPE_CHECKING:
    import keras

_CELLS: dict[str, type[SimpleRNN] | type[LSTM] | type[GRU]] = {
    "simple_rnn": SimpleRNN,
    "lstm": LSTM,
    "gru": GRU,
}


class RNN(Spec):
    """Recurrent layers, which read a text or a series step by step, and dense layers after them."""

    kinds: ClassVar[frozenset[str]] = frozenset({"tokens", "series"})

    type: Literal["rnn"] = "rnn"
    cell: Literal["simple_rnn", "lstm", "gru"] = "lstm"
    units: Annotated[tuple[Units, ...], Field(min_length=1, max_length=20)] = (64,)
    """One recurrent layer each; all but the last one answer at every step."""
    bidirectional: bool = False
    dropout: Rate = 0.0
    """Of the inputs of every recurrent layer, and after every dense layer."""
    recurrent_dropout: Rate = 0.0
    """Of the state; a GPU then cannot use its fast kernels."""
    dense: Annotated[tuple[Units, ...], Field(max_length=100)] = ()
    """Hidden dense layers between the last recurrent layer and the answer."""
    activation: Activation = "relu"
    """Of the hidden dense layers; the recurrent ones have their cell's own."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """The weight penalty of the kernels of all these layers."""
    embedding: Units = 64
    """Text only: the size of a word's vector."""

    def expand(self, features: Features, head: Head) -> tuple[Layer, ...]:
        network.check_kind(self.type, self.kinds, features)
        return (
            *self._front(features),
            *self._recurrent(),
            *self._hidden(),
            preset.head_layer(head),
        )

    def check(self, features: Features, head: Head) -> Shape:
        return network.check(self.expand(features, head), features, head, listed=False)

    def parameters(self, features: Features, head: Head) -> int | None:
        if head.units is None:
            return None
        return network.parameters(self.expand(features, head), features, listed=False)

    def build(self, features: Features, head: Head) -> "keras.Model":
        self.check(features, head)
        return network.build(self.expand(features, head), features, self.type)

    def _front(self, features: Features) -> tuple[Layer, ...]:
        # The mask ends the reading at the last word; without it a short text drowns in padding.
        is_text = features.kind == "tokens"
        return (preset.embed(features, self.embedding, mask=True),) if is_text else ()

    def _recurrent(self) -> Iterator[Layer]:
        last = len(self.units) - 1
        for index, units in enumerate(self.units):
            yield _CELLS[self.cell](
                units=units,
                return_sequences=index < last,
                bidirectional=self.bidirectional,
                dropout=self.dropout,
                recurrent_dropout=self.recurrent_dropout,
                kernel_regularizer=self._regularizer(),
            )

    def _hidden(self) -> Iterator[Layer]:
        return preset.hidden(
            self.dense,
            activation=self.activation,
            dropout=self.dropout,
            regularizer=self._regularizer(),
            batch_normalization=False,
            kernel_initializer=GLOROT_UNIFORM,
        )

    def _regularizer(self) -> Regularizer | None:
        return preset.regularizer(0.0, self.l2)
