"""Runs SavedModels by TensorFlow: the reference that faster runtimes are compared with."""

import gc
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from modelyard.errors import (
    Cancelled,
    FailedPrecondition,
    InternalError,
    InvalidRequest,
    ModelyardError,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Violation,
)
from modelyard.prediction import SignatureSpec, TensorSpec

_loading = Lock()
"""TensorFlow's loader keeps global state while it rebuilds functions."""


def load(path: Path) -> "SavedModelRuntime":
    """Loads a version; runs nothing but what initializes it.

    Raises NotFound if the folder has no SavedModel, FailedPrecondition if it cannot be loaded.
    """
    if not (path / "saved_model.pb").is_file() and not (path / "saved_model.pbtxt").is_file():
        raise NotFound(f"{path} holds no SavedModel", reason="NO_SAVED_MODEL")
    try:
        with _loading:
            return SavedModelRuntime(tf.saved_model.load(str(path)))
    except ModelyardError:
        raise
    # The loader raises whatever broke inside of it: OSError, ValueError, KeyError, DecodeError, OpError.
    except Exception as error:
        raise FailedPrecondition(
            f"{path} cannot be loaded: {_summary(error)}", reason="UNLOADABLE_MODEL"
        ) from error


class SavedModelRuntime:
    """A loaded SavedModel; see `modelyard.runtimes.Runtime`."""

    def __init__(self, loaded: Any) -> None:
        # The functions hold their variables weakly: the loaded object must live as long as they do.
        self._loaded: Any = loaded
        self._functions: Mapping[str, Any] = {
            name: function
            for name, function in loaded.signatures.items()
            if not name.startswith("__")
        }
        self.signatures: Mapping[str, SignatureSpec] = {
            name: _signature(function) for name, function in self._functions.items()
        }

    def run(
        self, signature: str, inputs: Mapping[str, NDArray[Any]], outputs: Collection[str] = ()
    ) -> dict[str, NDArray[Any]]:
        loaded, function = self._loaded, self._functions.get(signature)
        if loaded is None:
            raise Unavailable("the version was unloaded")
        if function is None:
            raise InvalidRequest.of(
                "signature",
                "the model has no such signature",
                expected=" or ".join(self.signatures),
                received=repr(signature),
            )
        spec = self.signatures[signature]
        _check(spec, inputs, outputs)
        answer = _called(function, inputs)
        return {name: answer[name].numpy() for name in outputs or spec.outputs}

    def close(self) -> None:
        self._loaded = None
        self._functions = {}
        gc.collect()  # a loaded model is full of cycles, and may hold gigabytes


def _signature(function: Any) -> SignatureSpec:
    _, inputs = function.structured_input_signature
    return SignatureSpec(
        inputs={name: _tensor(spec) for name, spec in sorted(inputs.items())},
        outputs={name: _tensor(spec) for name, spec in sorted(function.structured_outputs.items())},
    )


def _tensor(spec: Any) -> TensorSpec:
    shape = None
    if spec.shape.rank is not None:
        shape = tuple(-1 if size is None else size for size in spec.shape.as_list())
    return TensorSpec(np.dtype(spec.dtype.as_numpy_dtype), shape)


def _check(
    spec: SignatureSpec, inputs: Mapping[str, NDArray[Any]], outputs: Collection[str]
) -> None:
    """TensorFlow does not cast, and its own messages name no input."""
    violations = [
        *(_violation(name, wanted, inputs.get(name)) for name, wanted in spec.inputs.items()),
        *(
            Violation(f"inputs.{name}", "not an input", " or ".join(spec.inputs))
            for name in inputs
            if name not in spec.inputs
        ),
        *(
            Violation(f"outputs.{name}", "not an output", " or ".join(spec.outputs))
            for name in outputs
            if name not in spec.outputs
        ),
    ]
    found = tuple(violation for violation in violations if violation is not None)
    if found:
        raise InvalidRequest.of_all(found)


def _violation(name: str, wanted: TensorSpec, array: NDArray[Any] | None) -> Violation | None:
    field = f"inputs.{name}"
    if array is None:
        return Violation(field, "missing")
    if array.dtype != wanted.dtype and not (wanted.dtype == object and array.dtype.kind in "SU"):
        return Violation(field, "wrong dtype", _dtype(wanted.dtype), _dtype(array.dtype))
    if wanted.shape is not None and not _fits(wanted.shape, array.shape):
        return Violation(field, "wrong shape", str(list(wanted.shape)), str(list(array.shape)))
    return None


def _fits(wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(wanted) == len(shape) and all(
        size in (-1, given) for size, given in zip(wanted, shape, strict=True)
    )


def _dtype(dtype: np.dtype[Any]) -> str:
    return "string" if dtype.kind in "OSU" else dtype.name


def _called(function: Any, inputs: Mapping[str, NDArray[Any]]) -> Any:
    try:
        return function(**{name: tf.constant(array) for name, array in inputs.items()})
    except tf.errors.ResourceExhaustedError as error:
        raise ResourceExhausted(f"the batch needs too much memory: {_summary(error)}") from error
    except tf.errors.CancelledError as error:
        raise Cancelled(_summary(error)) from error
    # What the graph itself refuses: text that is no image, ragged lengths, an assertion.
    except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError) as error:
        raise InvalidRequest(_summary(error)) from error
    # What cannot even become a tensor, such as an object array of numbers.
    except (TypeError, ValueError) as error:
        raise InvalidRequest(_summary(error)) from error
    except tf.errors.OpError as error:
        raise InternalError(f"the model failed: {_summary(error)}") from error


def _summary(error: Exception) -> str:
    """TensorFlow's message without the trace of its graph."""
    text = error.message if isinstance(error, tf.errors.OpError) else str(error)
    lines = [line.strip() for line in text.splitlines()]
    useful = [line for line in lines if line and not _NOISE.match(line)]
    first = _NODE.sub("", useful[0] if useful else text).strip()
    return (first or type(error).__name__)[:500]


_NOISE = re.compile(
    r"Graph execution error|Detected at node|File \"|\[\[|<stack traces|Stack trace"
)
_NODE = re.compile(r"\s*\[\[\{\{.*|\[Op:\w+\].*|\{\{function_node [^}]*\}\}\s*")
