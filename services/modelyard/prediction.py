"""What the servicers of tasks and protocols are given to make predictions with.

They decode a request to named arrays, ask a `Predictor`, and encode what it answers.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelyard.model_store import Manifest

DEFAULT_SIGNATURE = "serving_default"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ModelRef:
    """Which version of a model is meant: `version`, or what `alias` names, or the latest that is loaded."""

    name: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name} version {self.version}"
        return f"{self.name}@{self.alias}" if self.alias else self.name


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a signature. Strings have NumPy's object dtype; -1 is an open dimension."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...] | None
    """With the batch dimension; None where the rank is not known."""


@dataclass(frozen=True)
class SignatureSpec:
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True)
class ServedVersion:
    """A version that is loaded and answers. A SavedModel that was not trained here has no manifest."""

    name: str
    version: int
    signatures: Mapping[str, SignatureSpec]
    manifest: Manifest | None


@dataclass(frozen=True)
class Call:
    """Who is waiting for an answer, and for how long."""

    deadline: float | None = None
    """On the clock of `time.monotonic`; None waits without limit."""
    is_active: Callable[[], bool] = field(default=lambda: True)
    """False once the caller has left."""


@dataclass(frozen=True)
class Prediction:
    version: ServedVersion
    signature: str
    outputs: Arrays
    queue_seconds: float = 0.0
    run_seconds: float = 0.0


class Predictor(Protocol):
    def describe(self, ref: ModelRef) -> ServedVersion:
        """Raises NotFound, or Unavailable while the version is being loaded."""
        ...

    def predict(
        self,
        ref: ModelRef,
        inputs: Arrays,
        *,
        signature: str = DEFAULT_SIGNATURE,
        outputs: Collection[str] = (),
        call: Call = Call(),  # a frozen value
    ) -> Prediction:
        """Runs one batch; the first dimension of every input and output is the example.

        `outputs` names those that are wanted, all if empty. Raises InvalidRequest naming the input,
        NotFound, Unavailable, ResourceExhausted, DeadlineExceeded, Cancelled.
        """
        ...
