"""The closed list of layers that a request may name, each with the fields of the Keras layer of that name.

There is no Lambda and no code in a request. A new layer is a class in one of these files and its name here.
"""

from typing import Annotated

from pydantic import Field

from modelyard.networks.layer.convolution import (
    Conv1D,
    Conv2D,
    DepthwiseConv1D,
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
    GroupNormalization,
    LayerNormalization,
    LeakyReLU,
    Permute,
    PReLU,
    RepeatVector,
    Reshape,
    SpatialDropout1D,
    SpatialDropout2D,
    UnitNormalization,
)
from modelyard.networks.layer.merging import Concatenate, Merge
from modelyard.networks.layer.pooling import (
    GlobalPooling1D,
    GlobalPooling2D,
    Pooling1D,
    Pooling2D,
)
from modelyard.networks.layer.recurrent import GRU, LSTM, SimpleRNN
from modelyard.networks.layer.resizing import (
    Conv1DTranspose,
    Conv2DTranspose,
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
)

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
    | GroupNormalization
    | UnitNormalization
    | Conv1D
    | Conv2D
    | SeparableConv1D
    | SeparableConv2D
    | DepthwiseConv1D
    | DepthwiseConv2D
    | Conv1DTranspose
    | Conv2DTranspose
    | UpSampling1D
    | UpSampling2D
    | Cropping1D
    | Cropping2D
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

Node = Annotated[
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
    | GroupNormalization
    | UnitNormalization
    | Conv1D
    | Conv2D
    | SeparableConv1D
    | SeparableConv2D
    | DepthwiseConv1D
    | DepthwiseConv2D
    | Conv1DTranspose
    | Conv2DTranspose
    | UpSampling1D
    | UpSampling2D
    | Cropping1D
    | Cropping2D
    | ZeroPadding1D
    | ZeroPadding2D
    | Pooling1D
    | Pooling2D
    | GlobalPooling1D
    | GlobalPooling2D
    | SimpleRNN
    | LSTM
    | GRU
    | Merge
    | Concatenate,
    Field(discriminator="type"),
]
"""A layer of a graph, which may read several others."""

__all__ = [
    "GRU",
    "LSTM",
    "ActivationLayer",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "DenseLayer",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "EmbeddingLayer",
    "Flatten",
    "GaussianNoise",
    "GlobalPooling1D",
    "GlobalPooling2D",
    "GroupNormalization",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Merge",
    "Node",
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
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
]
