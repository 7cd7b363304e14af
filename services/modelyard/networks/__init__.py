"""The family of networks: the Keras architecture of a model.

A network is a frozen value of the request that can do the following. It never meets the task: what it is
fed and what it must answer come as `Features` and `Head`. TensorFlow is imported inside `build` alone.

    kinds                       the kinds of features that it reads
    expand(features, head)      -> the layers that it stands for
    check(features, head)       -> the shape of its answer; raises InvalidRequest naming the field
    parameters(features, head)  -> the number of weights, None while a size is unknown
    build(features, head)       -> keras.Model with one named input
"""

from typing import Annotated

from pydantic import Field

from modelyard.networks.cnn import CNN
from modelyard.networks.dense import Dense
from modelyard.networks.graph import Graph
from modelyard.networks.layers import Layers
from modelyard.networks.rnn import RNN

Network = Annotated[Dense | CNN | RNN | Layers | Graph, Field(discriminator="type")]

__all__ = [
    "CNN",
    "RNN",
    "Dense",
    "Graph",
    "Layers",
    "Network",
]
