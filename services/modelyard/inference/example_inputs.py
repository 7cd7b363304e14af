"""From tf.Example to the inputs of a signature, without TensorFlow.

A SavedModel from elsewhere whose signature takes one string is given the serialized examples, as TensorFlow
Serving does. All other signatures get each input from the feature of its name; further features are ignored.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest, Violation
from modelyard.inference.conformity import cast_exactly
from modelyard.prediction import ServedVersion, SignatureSpec, TensorSpec
from modelyard.wire.tf_serving import Example

_MAX_VIOLATIONS = 20
_LISTS = {"bytes_list": "bytes", "float_list": "floats", "int64_list": "integers"}


def examples_of(message: Any) -> list[Any]:
    """The Examples of an `Input`; where there is a context, each has its features too.

    Raises InvalidRequest if there is none.
    """
    examples: list[Any] = []
    match message.WhichOneof("kind"):
        case "example_list":
            examples = list(message.example_list.examples)
        case "example_list_with_context":
            given = message.example_list_with_context
            examples = [_in_context(given.context, example) for example in given.examples]
    if not examples:
        raise InvalidRequest("Input is empty.", reason="EMPTY_INPUT")
    return examples


def arrays_of(
    version: ServedVersion, spec: SignatureSpec, examples: Sequence[Any]
) -> dict[str, NDArray[Any]]:
    """Every input as [examples, …]. Raises InvalidRequest with what is wrong, by example and feature."""
    if version.manifest is None and _takes_serialized(spec):
        serialized = [example.SerializeToString() for example in examples]
        return {name: _objects(serialized) for name in spec.inputs}
    violations: list[Violation] = []
    arrays = {
        name: _column(name, wanted, examples, violations) for name, wanted in spec.inputs.items()
    }
    if violations:
        raise InvalidRequest.of_all(tuple(violations[:_MAX_VIOLATIONS]), reason="INPUT_MISMATCH")
    return arrays


def _in_context(context: Any, example: Any) -> Any:
    """A feature of the example stands above one of the context."""
    merged = Example()
    merged.CopyFrom(context)
    merged.MergeFrom(example)
    return merged


def _takes_serialized(spec: SignatureSpec) -> bool:
    if len(spec.inputs) != 1:
        return False
    (wanted,) = spec.inputs.values()
    return wanted.dtype == object and (wanted.shape is None or len(wanted.shape) == 1)


def _column(
    name: str, wanted: TensorSpec, examples: Sequence[Any], violations: list[Violation]
) -> NDArray[Any]:
    """One input of all examples; what is wrong is added to `violations`."""
    if not wanted.shape:
        violations.append(
            Violation(f"inputs.{name}", "cannot be given as examples", "a first dimension")
        )
        return np.empty(0)
    rows = []
    for index, example in enumerate(examples):
        field = f"examples[{index}].{name}"
        row = _row(field, name, wanted, example)
        if isinstance(row, Violation):
            violations.append(row)
        else:
            rows.append(row)
    shapes = sorted({row.shape for row in rows})
    if len(shapes) > 1:
        sizes = " and ".join(str(list(shape)) for shape in shapes[:2])
        violations.append(
            Violation(f"inputs.{name}", "differs in size", "one size for all examples", sizes)
        )
        return np.empty(0)
    return np.stack(rows) if rows else np.empty(0)


def _row(field: str, name: str, wanted: TensorSpec, example: Any) -> NDArray[Any] | Violation:
    kind, values = _values(name, example)
    if values is None:
        return Violation(field, "missing")
    cast = cast_exactly(values, wanted.dtype)
    if cast is None:
        return Violation(field, "wrong type", _wanted_list(wanted.dtype), _LISTS[kind])
    shape = _shape(wanted, len(values))
    if shape is None:
        tail = list(wanted.shape[1:]) if wanted.shape else []
        return Violation(field, "wrong size", f"values of shape {tail}", f"{len(values)} values")
    return cast.reshape(shape)


def _values(name: str, example: Any) -> tuple[str, NDArray[Any] | None]:
    features = example.features.feature
    if name not in features:
        return "", None
    feature = features[name]
    kind = feature.WhichOneof("kind")
    if kind is None:
        return "", None
    values = getattr(feature, kind).value
    if kind == "bytes_list":
        return kind, _objects(list(values))
    return kind, np.asarray(values, np.float32 if kind == "float_list" else np.int64)


def _shape(wanted: TensorSpec, count: int) -> tuple[int, ...] | None:
    """The shape of one example with so many values; None if there is none, or more than one."""
    tail = (wanted.shape or ())[1:]
    known = math.prod(size for size in tail if size != -1)
    match tail.count(-1):
        case 0:
            return tail if count == known else None
        case 1 if known and count % known == 0:
            return tuple(count // known if size == -1 else size for size in tail)
    return None


def _wanted_list(dtype: np.dtype[Any]) -> str:
    return {"O": "bytes", "f": "floats", "i": "integers", "u": "integers"}.get(
        dtype.kind, str(dtype)
    )


def _objects(values: list[bytes]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
