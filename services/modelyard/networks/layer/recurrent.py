"""Layers that read a sequence step by step and remember."""

from typing import TYPE_CHECKING, Any, Literal

from modelyard.networks.layer.convolution import SERIES
from modelyard.networks.layer.core import fields
from modelyard.networks.layer.values import (
    GLOROT_UNIFORM,
    ORTHOGONAL,
    ZEROS,
    Activation,
    Initializer,
    LayerSpec,
    Rate,
    Regularizer,
    Units,
    need_rank,
)
from modelyard.spec import Shape

if TYPE_CHECKING:
    import keras


class _Recurrent(LayerSpec):
    units: Units
    activation: Activation = "tanh"
    use_bias: bool = True
    return_sequences: bool = False
    """Whether it answers at every step, as the next recurrent layer needs it, or at the last one only."""
    go_backwards: bool = False
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    kernel_initializer: Initializer = GLOROT_UNIFORM
    recurrent_initializer: Initializer = ORTHOGONAL
    bias_initializer: Initializer = ZEROS
    kernel_regularizer: Regularizer | None = None
    recurrent_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    bidirectional: bool = False
    """A second one reads from the end; their answers are joined, so that there are twice as many."""

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, SERIES)
        units = self.units * (1 + self.bidirectional)
        return (shape[0], units) if self.return_sequences else (units,)

    def _weights(self, width: int | None, gates: int, biases: int) -> int | None:
        if width is None:
            return None
        one = gates * self.units * (width + self.units + biases * self.use_bias)
        return one * (1 + self.bidirectional)

    def _keras(self, kind: type["keras.Layer"], common: dict[str, Any]) -> "keras.Layer":
        import keras  # TensorFlow comes with it, and requests are read without it

        arguments = fields(self)
        if not arguments.pop("bidirectional"):
            return kind(**arguments, **common)
        return keras.layers.Bidirectional(kind(**arguments), **common)


class SimpleRNN(_Recurrent):
    type: Literal["simple_rnn"] = "simple_rnn"

    def parameters(self, shape: Shape) -> int | None:
        return self._weights(shape[-1], gates=1, biases=1)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return self._keras(keras.layers.SimpleRNN, common)


class LSTM(_Recurrent):
    type: Literal["lstm"] = "lstm"
    recurrent_activation: Activation = "sigmoid"
    unit_forget_bias: bool = True

    def parameters(self, shape: Shape) -> int | None:
        return self._weights(shape[-1], gates=4, biases=1)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return self._keras(keras.layers.LSTM, common)


class GRU(_Recurrent):
    type: Literal["gru"] = "gru"
    recurrent_activation: Activation = "sigmoid"

    def parameters(self, shape: Shape) -> int | None:
        # Keras' reset_after, which it shares with cuDNN, has a bias for the input and one for the state.
        return self._weights(shape[-1], gates=3, biases=2)

    def keras(self, **common: Any) -> "keras.Layer":
        import keras  # as above

        return self._keras(keras.layers.GRU, common)
