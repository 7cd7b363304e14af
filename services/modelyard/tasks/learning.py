"""A task bound to its examples: what the trainer is given to fit, judge and export a network."""

from __future__ import annotations  # NumPy and Keras are named here, but not imported

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from modelyard.spec import Features, Head

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Evaluation:
    """Figures on the test part, beside those of the answer that needs no network."""

    metrics: Mapping[str, float]
    baseline: Mapping[str, float]


class Learning(Protocol):
    """All that stands between raw columns and the network, fitted on the training part only.

    The same examples, split and seed give the same learning.
    """

    @property
    def features(self) -> Features: ...

    @property
    def head(self) -> Head: ...

    @property
    def classes(self) -> tuple[str, ...] | None: ...

    @property
    def serving(self) -> Mapping[str, Any]:
        """What a typed call needs beside the classes; goes into the manifest."""
        ...

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Of the training part; plain values that JSON can hold."""
        ...

    def arrays(self, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the network is fed, float32 or int32, and its targets (one-hot for a softmax head)."""
        ...

    def weights(self, part: Part) -> NDArray[Any] | None:
        """How much each example counts, float32, 1 on average in training; None if all count alike."""
        ...

    def augmentation(self) -> list[keras.Layer]:
        """Layers that change what the network is fed while it is trained, and only then."""
        ...

    def metrics(self) -> list[keras.Metric | str]:
        """What is watched while training."""
        ...

    def export(self, model: keras.Model, path: Path) -> None:
        """Writes a SavedModel whose signatures take raw values: preprocessing and answers are inside."""
        ...

    def golden(self, rows: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        """Raw inputs by signature, from the test part."""
        ...

    def answer(
        self, model: keras.Model, signature: str, inputs: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any]]:
        """What the signature must answer, computed by the model in memory."""
        ...

    def evaluate(self, model: keras.Model) -> Evaluation: ...
