"""The Open Inference Protocol v2, whatever carries it: what models there are, and asking one of them.

The protocol knows no signatures: the default one answers, the only one where there is no default, or the one that the
request's parameter `signature_name` names. Texts and codes are Triton's where clients look at them.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from modelyard.errors import (
    InternalError,
    InvalidRequest,
    ModelyardError,
    NotFound,
    Unavailable,
    Unimplemented,
)
from modelyard.inference.conformity import is_batchable
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.model_manager import ModelManager, VersionStatus
from modelyard.inference.policy import State
from modelyard.inference.question import Question, ask
from modelyard.inference.totals import Totals, totals
from modelyard.prediction import (
    DEFAULT_SIGNATURE,
    Call,
    ModelRef,
    Prediction,
    Predictor,
    ServedVersion,
    SignatureSpec,
    TensorSpec,
)
from modelyard.wire.open_inference_tensors import datatype

PLATFORM = "tensorflow_savedmodel"
BACKEND = "tensorflow"
EXTENSIONS = (
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "parameters",
    "statistics",
)
"""Only what is true: clients decide by it what they ask for."""

_STATES = {
    State.START: "LOADING",
    State.LOADING: "LOADING",
    State.AVAILABLE: "READY",
    State.UNLOADING: "UNLOADING",
    State.END: "UNAVAILABLE",
}
_UNSERVED = ("classification", "shared_memory_region")


@dataclass(frozen=True)
class Input:
    """An input as it came; the values are looked at only once its name, datatype and shape are known to fit."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Inference:
    """A request of any transport."""

    model: str
    version: str
    inputs: Sequence[Input]
    outputs: Sequence[str] = ()
    """All if empty."""
    parameters: Mapping[str, Any] | None = None
    """By name; `timeout` is in microseconds."""


@dataclass(frozen=True)
class IndexEntry:
    name: str
    version: str
    state: str
    reason: str


class OpenInference:
    def __init__(
        self,
        predictor: Predictor,
        models: ModelManager,
        metrics: InferenceMetrics,
        max_batch_rows: int,
    ) -> None:
        self._predictor = predictor
        self._models = models
        self._metrics = metrics
        self.max_batch_rows = max_batch_rows

    def is_ready(self) -> bool:
        return self._models.ready()[0]

    def is_model_ready(self, name: str, version: str) -> bool:
        """Raises InvalidRequest if the version is no number."""
        try:
            self._predictor.describe(_ref(name, version))
        except (NotFound, Unavailable):
            return False
        return True

    def describe(self, name: str, version: str) -> tuple[ServedVersion, str, SignatureSpec]:
        """The version, and the signature that answers where none is named."""
        with _as_triton(name, version):
            served = self._predictor.describe(_ref(name, version))
        signature = _signature(served, None)
        return served, signature, served.signatures[signature]

    def versions(self, name: str) -> list[str]:
        """The available ones, oldest first."""
        statuses = self._models.statuses(name)
        return [str(s.version) for s in reversed(statuses) if s.state is State.AVAILABLE]

    def index(self, *, only_ready: bool) -> list[IndexEntry]:
        return [
            IndexEntry(name, str(status.version), _STATES[status.state], status.message)
            for name in self._models.names()
            for status in reversed(self._models.statuses(name))
            if status.state is State.AVAILABLE or not only_ready
        ]

    def statistics(self, name: str, version: str) -> list[tuple[str, VersionStatus, Totals]]:
        """Of all available versions that are meant; all models if there is no name."""
        if name:
            self.describe(name, version)
        counted = totals(self._metrics)
        return [
            (each, status, counted.get((each, status.version), Totals()))
            for each in ([name] if name else self._models.names())
            for status in reversed(self._models.statuses(each))
            if status.state is State.AVAILABLE and version in ("", str(status.version))
        ]

    def refuse_control(self, action: str, name: str) -> ModelyardError:
        """Models are those of the model directory, which is watched."""
        return Unavailable(
            f"failed to {action} '{name}': explicit model load / unload is not allowed, "
            "because the model directory is watched",
            reason="RELOAD_DISABLED",
        )

    def infer(self, inference: Inference, call: Call) -> Prediction:
        parameters = inference.parameters or {}
        for name in _UNSERVED:
            if name in parameters:
                raise Unimplemented(
                    f"the parameter '{name}' is not served", reason="UNSERVED_PARAMETER"
                )

        def question(version: ServedVersion) -> Question:
            signature = _signature(version, parameters.get("signature_name"))
            spec = version.signatures[signature]
            _check_outputs(inference, spec)
            return Question(_arrays(inference, spec), signature, tuple(inference.outputs))

        with _as_triton(inference.model, inference.version):
            ref = _ref(inference.model, inference.version)
            return ask(self._predictor, ref, question, _hurried(call, parameters.get("timeout")))


@contextmanager
def _as_triton(name: str, version: str) -> Iterator[None]:
    """Turns what a Predictor says of a model that is not there into Triton's words and codes."""
    text = f"Request for unknown model: '{name}'" + (f" version {version}" if version else "")
    try:
        yield
    except (NotFound, Unavailable) as error:
        match error.reason:
            case "MODEL_NOT_FOUND":
                raise InvalidRequest(f"{text} is not found", reason="MODEL_NOT_FOUND") from error
            case "VERSION_NOT_FOUND" if version:
                raise NotFound(f"{text} is not found", reason="VERSION_NOT_FOUND") from error
            case "VERSION_QUARANTINED" | "VERSION_NOT_FOUND":
                raise Unavailable(
                    f"{text} is not at ready state {error.message.partition('; ')[2]}".strip(),
                    reason="VERSION_QUARANTINED",
                ) from error
            case "LOADING":
                raise Unavailable(
                    f"{text} is not at ready state", reason="LOADING", retry_after=error.retry_after
                ) from error
        raise


def tensor_datatype(spec: TensorSpec) -> str:
    return datatype(spec.dtype)


def shape_of(spec: TensorSpec) -> list[int]:
    """With the batch dimension."""
    return list(spec.shape or (-1,))


def dims_of(spec: TensorSpec, *, is_batched: bool) -> list[int]:
    """Without the batch dimension where the model has one, as a configuration tells it; never empty."""
    shape = shape_of(spec)
    return (shape[1:] if is_batched else shape) or [1]


def batch_rows(spec: SignatureSpec, most: int) -> int:
    """0 for a model that cannot batch."""
    return most if is_batchable(spec) else 0


def _ref(name: str, version: str) -> ModelRef:
    if not version:
        return ModelRef(name)
    if not (version.isascii() and version.isdigit() and len(version) < 19):
        raise InvalidRequest(
            f"failed to get model version from specified version string '{version[:40]}', "
            "version should be an integer > 0",
            reason="MALFORMED_REQUEST",
        )
    return ModelRef(name, int(version))


def _signature(version: ServedVersion, named: Any) -> str:
    signatures = version.signatures
    if isinstance(named, str) and named:
        if named not in signatures:
            raise InvalidRequest(
                f"model '{version.name}' has no signature '{named[:100]}', and it has "
                f"{', '.join(sorted(signatures))}",
                reason="SIGNATURE_NOT_FOUND",
            )
        return named
    if DEFAULT_SIGNATURE in signatures:
        return DEFAULT_SIGNATURE
    if not signatures:
        raise InternalError(f"model '{version.name}' has no signature")
    return min(signatures)


def _check_outputs(inference: Inference, spec: SignatureSpec) -> None:
    for name in inference.outputs:
        if name not in spec.outputs:
            raise InvalidRequest(
                f"unexpected inference output '{name}' for model '{inference.model}'",
                reason="UNKNOWN_OUTPUT",
            )


def _arrays(inference: Inference, spec: SignatureSpec) -> dict[str, NDArray[Any]]:
    """Decoded inputs that fit the signature."""
    given = {each.name: each for each in inference.inputs}
    _check_names(inference, spec, given)
    for name, each in given.items():
        _check_input(inference.model, each, spec.inputs[name])
    return {name: each.values() for name, each in given.items()}


def _check_names(inference: Inference, spec: SignatureSpec, given: Mapping[str, Input]) -> None:
    model = inference.model
    if len(given) != len(inference.inputs):
        raise InvalidRequest(f"an input is given twice for model '{model}'", reason="INPUT_NAMES")
    for name in given:
        if name not in spec.inputs:
            raise InvalidRequest(
                f"unexpected inference input '{name}' for model '{model}'", reason="INPUT_NAMES"
            )
    missing = sorted(spec.inputs.keys() - given.keys())
    if missing:
        raise InvalidRequest(
            f"expected {len(spec.inputs)} inputs but got {len(given)} inputs for model '{model}'. "
            f"Got input(s) {sorted(given)}, but missing required input(s) {missing}. "
            "Please provide all required input(s).",
            reason="INPUT_NAMES",
        )


def _check_input(model: str, given: Input, wanted: TensorSpec) -> None:
    expected = datatype(wanted.dtype)
    if given.datatype != expected:
        raise InvalidRequest(
            f"inference input '{given.name}' data-type is '{given.datatype[:40]}', "
            f"but model '{model}' expects '{expected}'",
            reason="INPUT_MISMATCH",
        )
    if wanted.shape is not None and not _fits(wanted.shape, given.shape):
        raise InvalidRequest(
            f"unexpected shape for input '{given.name}' for model '{model}'. "
            f"Expected {_listed(wanted.shape)}, got {_listed(given.shape)}.",
            reason="INPUT_MISMATCH",
        )


def _fits(wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(wanted) == len(shape) and all(
        size in (-1, given) for size, given in zip(wanted, shape, strict=True)
    )


def _listed(shape: Sequence[int]) -> str:
    return "[" + ",".join(map(str, shape[:64])) + "]"


def _hurried(call: Call, timeout: Any) -> Call:
    """The call with the deadline of its parameter, if that is sooner."""
    if isinstance(timeout, bool) or not isinstance(timeout, int) or timeout <= 0:
        return call
    until = time.monotonic() + timeout / 1e6
    return replace(call, deadline=until if call.deadline is None else min(until, call.deadline))
