"""A runtime without TensorFlow, and what a batcher and a manager need beside it."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from modelyard.inference.metrics import InferenceMetrics
from modelyard.prediction import SignatureSpec, TensorSpec

F32 = np.dtype(np.float32)


@dataclass
class FakeRuntime:
    """`y = 2x`, for rows that are not negative; notes the sizes of its batches; can be held up."""

    batches: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def signatures(self) -> Mapping[str, SignatureSpec]:
        x = TensorSpec(F32, (-1, 2))
        return {
            "serving_default": SignatureSpec({"x": x}, {"y": x, "total": TensorSpec(F32, (-1,))})
        }

    def run(
        self, signature: str, inputs: Mapping[str, NDArray[Any]], outputs: Collection[str] = ()
    ) -> dict[str, NDArray[Any]]:
        self.entered.release()
        assert self.gate.wait(20)
        assert not self.is_closed
        x = inputs["x"]
        self.batches.append(len(x))
        if (x < 0).any():
            raise ValueError("a row is negative")
        answer = {"y": 2 * x, "total": x.sum(axis=1)}
        return {name: answer[name] for name in outputs or answer}

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def make_runtime() -> Callable[[], FakeRuntime]:
    return FakeRuntime


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> InferenceMetrics:
    return InferenceMetrics(registry)
