"""Asks a version in a form that depends on the version: its signature says how a request is read."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from modelyard.errors import InternalError, NotFound
from modelyard.prediction import (
    DEFAULT_SIGNATURE,
    Arrays,
    Call,
    ModelRef,
    Prediction,
    Predictor,
    ServedVersion,
)

T = TypeVar("T")

_TRIES = 5


@dataclass(frozen=True)
class Question:
    """What a version is asked."""

    inputs: Arrays
    signature: str = DEFAULT_SIGNATURE
    outputs: Collection[str] = ()


def ask(
    predictor: Predictor, ref: ModelRef, question: Callable[[ServedVersion], Question], call: Call
) -> Prediction:
    """Asks the version that `question` was shown, and no other. Raises what it and a Predictor raise."""

    def predict(version: ServedVersion) -> Prediction:
        asked = question(version)
        return predictor.predict(
            ModelRef(version.name, version.version),
            asked.inputs,
            signature=asked.signature,
            outputs=asked.outputs,
            call=call,
        )

    return with_version(predictor, ref, predict)


def with_version(predictor: Predictor, ref: ModelRef, use: Callable[[ServedVersion], T]) -> T:
    """What `use` makes of the version that is meant; it is called again if that is swapped meanwhile."""
    for _ in range(_TRIES):
        version = predictor.describe(ref)
        try:
            return use(version)
        except NotFound:
            # The version was swapped for another one between two calls.
            if ref.version is not None:
                raise
    raise InternalError(f"the versions of {ref} change faster than they can be asked")
