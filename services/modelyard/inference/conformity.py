"""Whether named arrays are what a signature takes; codes and texts as TensorFlow Serving's where it has any."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import FailedPrecondition, InvalidRequest, Violation
from modelyard.prediction import Arrays, SignatureSpec, TensorSpec

Conformed = dict[str, NDArray[Any]]


def signature_of(signatures: Mapping[str, SignatureSpec], name: str) -> SignatureSpec:
    spec = signatures.get(name)
    if spec is None:
        raise FailedPrecondition(
            f'Serving signature key "{name}" not found. The model has {_braced(signatures)}.',
            reason="SIGNATURE_NOT_FOUND",
        )
    return spec


def check_outputs(spec: SignatureSpec, outputs: Sequence[str] | Collection[str]) -> None:
    for name, times in Counter(outputs).items():
        if name not in spec.outputs:
            raise InvalidRequest(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {_braced(spec.outputs)}.",
                reason="UNKNOWN_OUTPUT",
                violations=(Violation("output_filter", "not an output", received=name),),
            )
        if times > 1:
            raise InvalidRequest(
                f"duplicate output tensor alias: {name}",
                reason="DUPLICATE_OUTPUT",
                violations=(Violation("output_filter", "given twice", received=name),),
            )


def conform(spec: SignatureSpec, inputs: Arrays) -> Conformed:
    """The inputs in the dtypes of the signature. Raises InvalidRequest with all that is wrong.

    Casts only where no value changes: 3 becomes 3.0, but a float64 never a float32.
    """
    _check_names(spec, inputs)
    violations: list[Violation] = []
    conformed: Conformed = {}
    for name, wanted in spec.inputs.items():
        violation = _shape_violation(name, wanted, inputs[name])
        cast = None if violation else cast_exactly(inputs[name], wanted.dtype)
        if cast is not None:
            conformed[name] = cast
        else:
            violations.append(violation or _dtype_violation(name, wanted, inputs[name]))
    if violations:
        raise InvalidRequest.of_all(tuple(violations), reason="INPUT_MISMATCH")
    return conformed


def is_batchable(spec: SignatureSpec) -> bool:
    """Whether the first dimension of every input and output is open, and so is the example."""
    tensors = [*spec.inputs.values(), *spec.outputs.values()]
    return bool(spec.inputs) and all(tensor.shape and tensor.shape[0] == -1 for tensor in tensors)


def rows_of(inputs: Arrays) -> int:
    """The number of examples. Raises InvalidRequest where the inputs do not agree."""
    rows = {name: array.shape[0] for name, array in inputs.items()}
    if len(set(rows.values())) > 1:
        sizes = ", ".join(f"{name}: {count}" for name, count in sorted(rows.items()))
        raise InvalidRequest.of(
            "inputs",
            "the inputs hold different numbers of examples",
            expected="one batch size",
            received=sizes,
            reason="RAGGED_BATCH",
        )
    return int(next(iter(rows.values())))


def byte_size(arrays: Iterable[NDArray[Any]]) -> int:
    return sum(
        sum(len(value) for value in array.flat) if array.dtype == object else array.nbytes
        for array in arrays
    )


def _check_names(spec: SignatureSpec, inputs: Arrays) -> None:
    extra, missing = inputs.keys() - spec.inputs.keys(), spec.inputs.keys() - inputs.keys()
    if not extra and not missing:
        return
    violations = (
        *(Violation(f"inputs.{name}", "not an input of the signature") for name in sorted(extra)),
        *(Violation(f"inputs.{name}", "missing") for name in sorted(missing)),
    )
    if len(inputs) != len(spec.inputs):
        message = (
            f"input size does not match signature: {len(inputs)}!={len(spec.inputs)} "
            f"len({_braced(inputs)}) != len({_braced(spec.inputs)}). "
            f"Sent extra: {_braced(extra)}. Missing but required: {_braced(missing)}."
        )
    else:
        message = (
            f"Signature input alias: {min(missing)} not found in request. "
            f"Inputs expected to be in the request {_braced(spec.inputs)}."
        )
    raise InvalidRequest(message, reason="INPUT_NAMES", violations=violations)


def _shape_violation(name: str, wanted: TensorSpec, array: NDArray[Any]) -> Violation | None:
    if wanted.shape is None or _fits(wanted.shape, array.shape):
        return None
    return Violation(
        f"inputs.{name}", "wrong shape", str(list(wanted.shape)), str(list(array.shape))
    )


def _fits(wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(wanted) == len(shape) and all(
        size in (-1, given) for size, given in zip(wanted, shape, strict=True)
    )


def _dtype_violation(name: str, wanted: TensorSpec, array: NDArray[Any]) -> Violation:
    return Violation(
        f"inputs.{name}", "wrong dtype", _dtype_name(wanted.dtype), _dtype_name(array.dtype)
    )


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "string" if dtype.kind in "OSU" else dtype.name


def cast_exactly(array: NDArray[Any], wanted: np.dtype[Any]) -> NDArray[Any] | None:
    """None where a value would change."""
    if array.dtype == wanted:
        return array
    if wanted.kind == "O":
        return array.astype(object) if array.dtype.kind in "SU" else None
    if array.dtype.kind not in "iuf" or wanted.kind not in "iuf":
        return None
    return array.astype(wanted) if _holds_all(array, wanted) else None


def _holds_all(array: NDArray[Any], wanted: np.dtype[Any]) -> bool:
    """Whether every one of these values is also a value of the wanted dtype."""
    if array.dtype.kind == "f":
        return np.can_cast(array.dtype, wanted, "safe")
    # NumPy calls int64 to float64 safe, though a float64 has but 53 bits for an integer.
    if array.size == 0:
        return True
    low, high = int(array.min()), int(array.max())
    if wanted.kind == "f":
        largest = 2 ** (np.finfo(wanted).nmant + 1)
        return bool(-largest <= low and high <= largest)
    bounds = np.iinfo(wanted)
    return bounds.min <= low and high <= bounds.max


def _braced(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
