"""What the presets share: the hidden dense layers and the head that they end with."""

from collections.abc import Iterator, Sequence

from modelyard.networks.layer import (
    ActivationLayer,
    BatchNormalization,
    DenseLayer,
    Dropout,
    EmbeddingLayer,
    Layer,
)
from modelyard.networks.layer.values import Activation, Initializer, Regularizer
from modelyard.spec import Features, Head


def regularizer(l1: float, l2: float) -> Regularizer | None:
    if not l1 and not l2:
        return None
    return Regularizer(l1=l1 or None, l2=l2 or None)


def hidden(
    units: Sequence[int],
    *,
    activation: Activation,
    dropout: float,
    regularizer: Regularizer | None,
    batch_normalization: bool,
    kernel_initializer: Initializer,
) -> Iterator[Layer]:
    for size in units:
        yield DenseLayer(
            units=size,
            # Normalised before the activation, as in the paper of Ioffe and Szegedy.
            activation="linear" if batch_normalization else activation,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=regularizer,
        )
        if batch_normalization:
            yield normalization()
            yield ActivationLayer(activation=activation)
        if dropout:
            yield Dropout(rate=dropout)


def normalization() -> BatchNormalization:
    """With Keras' own momentum of 0.99 the statistics that answers are made with lag behind the weights for
    hundreds of steps, so that on a small dataset early stopping judges, and keeps, a network that is not there.
    """
    return BatchNormalization(momentum=0.9)


def head_layer(head: Head) -> DenseLayer:
    """One unit stands in while the number is not known yet; a network is never built with it."""
    return DenseLayer(units=head.units or 1, activation=head.activation)


def embed(features: Features, size: int, *, mask: bool = False) -> EmbeddingLayer:
    return EmbeddingLayer(input_dim=features.vocabulary, output_dim=size, mask_zero=mask)
