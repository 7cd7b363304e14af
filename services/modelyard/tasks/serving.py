"""What the servicers of all tasks share: asking the version that answers, and encoding classes."""

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from modelyard.errors import FailedPrecondition, InternalError, InvalidRequest, NotFound
from modelyard.model_store import Manifest
from modelyard.prediction import (
    DEFAULT_SIGNATURE,
    Arrays,
    Call,
    ModelRef,
    Prediction,
    Predictor,
)
from modelyard.v1 import model_pb2

_FOREVER_SECONDS = 10 * 365 * 86400.0
"""gRPC tells a remaining time that is absurdly long where the caller set no deadline."""
_TRIES = 5


@dataclass(frozen=True)
class Question:
    """What a version of a model is asked."""

    inputs: Arrays
    signature: str = DEFAULT_SIGNATURE


def call_of(context: grpc.ServicerContext) -> Call:
    """Who waits for the answer, and for how long."""
    remaining = context.time_remaining()
    if remaining is None or not math.isfinite(remaining) or remaining > _FOREVER_SECONDS:
        return Call(None, context.is_active)
    return Call(time.monotonic() + remaining, context.is_active)


def ask(
    predictor: Predictor,
    model: model_pb2.ModelSpec,
    tasks: Collection[str],
    question: Callable[[Manifest], Question],
    context: grpc.ServicerContext,
) -> tuple[Manifest, Prediction]:
    """Asks the version that is meant, in the form that its own manifest states.

    Raises FailedPrecondition if it was trained for none of `tasks`, and what a Predictor raises.
    """
    ref, call = _ref(model), call_of(context)
    for _ in range(_TRIES):
        version = predictor.describe(ref)
        manifest = _manifest_for(tasks, version.name, version.manifest)
        asked = question(manifest)
        try:
            prediction = predictor.predict(
                ModelRef(version.name, version.version),
                asked.inputs,
                signature=asked.signature,
                call=call,
            )
        except NotFound:
            # The version was swapped for another one between the two calls.
            if ref.version is not None:
                raise
            continue
        return manifest, prediction
    raise InternalError(f"the versions of {ref} change faster than they can be asked")


def classifications(
    manifest: Manifest, outputs: Arrays, top_k: int
) -> list[model_pb2.Classification]:
    """The classes of every example, best first; of equal scores the first class."""
    scores = np.asarray(outputs["scores"])
    classes = manifest.classes or ()
    if scores.ndim != 2 or scores.shape[1] != len(classes):
        raise InternalError(
            f"{manifest.model} answers scores of shape {list(scores.shape)} for {len(classes)} classes"
        )
    best = np.argsort(-scores, axis=1, kind="stable")[:, : top_k or None]
    return [
        model_pb2.Classification(
            classes=[
                model_pb2.ClassScore(name=classes[index], score=float(row[index]))
                for index in order
            ]
        )
        for row, order in zip(scores, best, strict=True)
    ]


def check_top_k(top_k: int) -> None:
    if top_k < 0:
        raise InvalidRequest.of(
            "top_k", "is negative", expected="0 for all classes, or how many", received=str(top_k)
        )


def check_some(field: str, values: Collection[Any]) -> None:
    if not values:
        raise InvalidRequest.of(field, "is empty", expected="at least one")


def answered_by(prediction: Prediction) -> model_pb2.ModelSpec:
    return model_pb2.ModelSpec(name=prediction.version.name, version=prediction.version.version)


def latency(prediction: Prediction) -> model_pb2.Latency:
    return model_pb2.Latency(
        queue_seconds=prediction.queue_seconds, run_seconds=prediction.run_seconds
    )


def setting(manifest: Manifest, name: str) -> Any:
    """What the task wrote into the manifest for its servicer."""
    serving: Mapping[str, Any] = manifest.serving
    if name not in serving:
        raise InternalError(f"the manifest of {manifest.model} does not state serving.{name}")
    return serving[name]


def _ref(model: model_pb2.ModelSpec) -> ModelRef:
    if not model.name:
        raise InvalidRequest.of("model.name", "is missing", expected="the name of a model")
    choice = model.WhichOneof("choice")
    return ModelRef(
        model.name,
        version=model.version if choice == "version" else None,
        alias=model.alias if choice == "alias" else None,
    )


def _manifest_for(tasks: Collection[str], name: str, manifest: Manifest | None) -> Manifest:
    if manifest is None:
        raise FailedPrecondition(
            f"model {name} was not trained here, and has no typed calls: ask it by "
            "tensorflow.serving.PredictionService",
            reason="NO_MANIFEST",
        )
    task = manifest.task.get("type")
    if task not in tasks:
        raise FailedPrecondition(
            f"model {name} was trained for {task}, and this call is for {' or '.join(tasks)}",
            reason="WRONG_TASK",
        )
    return manifest
