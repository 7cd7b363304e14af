"""The closed list of layers that a request may name, each with the fields of the Keras layer of that name.

There is no Lambda and no code in a request. A new layer is a class in one of these files and its name here.
"""

from typing import Annotated

from pydantic import Field

from modelyard.networks.layer.convolution import (
    Conv1D,
    Conv2D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from modelyard.networks.layer.core import (
    ActivationLayer,
    BatchNormalization,
    DenseLayer,
    Dropout,
    EmbeddingLayer,
    Flatten,
    GaussianNoise,
    LayerNormalization,
    LeakyReLU,
    Permute,
    PReLU,
    RepeatVector,
    Reshape,
    SpatialDropout1D,
    SpatialDropout2D,
)
from modelyard.networks.layer.pooling import (
    GlobalPooling1D,
    GlobalPooling2D,
    Pooling1D,
    Pooling2D,
)
from modelyard.networks.layer.recurrent import GRU, LSTM, SimpleRNN

Layer = Annotated[
    DenseLayer
    | EmbeddingLayer
    | Flatten
    | Reshape
    | Permute
    | RepeatVector
    | ActivationLayer
    | LeakyReLU
    | PReLU
    | Dropout
    | SpatialDropout1D
    | SpatialDropout2D
    | GaussianNoise
    | BatchNormalization
    | LayerNormalization
    | Conv1D
    | Conv2D
    | SeparableConv1D
    | SeparableConv2D
    | DepthwiseConv2D
    | ZeroPadding1D
    | ZeroPadding2D
    | Pooling1D
    | Pooling2D
    | GlobalPooling1D
    | GlobalPooling2D
    | SimpleRNN
    | LSTM
    | GRU,
    Field(discriminator="type"),
]

__all__ = [
    "GRU",
    "LSTM",
    "ActivationLayer",
    "BatchNormalization",
    "Conv1D",
    "Conv2D",
    "DenseLayer",
    "DepthwiseConv2D",
    "Dropout",
    "EmbeddingLayer",
    "Flatten",
    "GaussianNoise",
    "GlobalPooling1D",
    "GlobalPooling2D",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "PReLU",
    "Permute",
    "Pooling1D",
    "Pooling2D",
    "RepeatVector",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SimpleRNN",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
]
