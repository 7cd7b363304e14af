"""The inputs in the body of a predict request: by row (`instances`) or by column (`inputs`)."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest
from modelyard.prediction import SignatureSpec
from modelyard.wire import json_tensors


class Format(Enum):
    ROW = "instances"
    COLUMN = "inputs"

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Format":
        """Raises InvalidRequest unless the body has exactly one of the two."""
        found = [each for each in cls if each.value in body]
        if len(found) == 2:
            raise _malformed("Not expecting both 'instances' and 'inputs' keys")
        if not found:
            raise _malformed("Missing 'inputs' or 'instances' key")
        return found[0]


def inputs_from(
    body: Mapping[str, Any], form: Format, spec: SignatureSpec
) -> dict[str, NDArray[Any]]:
    """Raises InvalidRequest that says which element is wrong, and how."""
    given = body[form.value]
    return _by_row(given, spec) if form is Format.ROW else _by_column(given, spec)


def _by_row(given: Any, spec: SignatureSpec) -> dict[str, NDArray[Any]]:
    if not isinstance(given, list):
        raise _malformed("Expecting 'instances' to be a list")
    if not given:
        raise InvalidRequest("No values in 'instances' list", reason="EMPTY_INPUT")
    named = [_is_named(element) for element in given]
    if not any(named):
        return {_only_input(spec, "instances"): _elements(given, _only_dtype(spec))}
    for index, element in enumerate(given):
        _check_named(index, element, spec)
    return {
        name: _elements([element[name] for element in given], wanted.dtype, name)
        for name, wanted in spec.inputs.items()
    }


def _by_column(given: Any, spec: SignatureSpec) -> dict[str, NDArray[Any]]:
    if not _is_named(given):
        return {
            _only_input(spec, "inputs"): _value(given, _only_dtype(spec), "'inputs'"),
        }
    for name in spec.inputs:
        if name not in given:
            raise _malformed(f"Missing named input: {name} in 'inputs' object.")
    for name in given:
        if name not in spec.inputs:
            raise _malformed(f"JSON object: has unexpected named input: {name[:100]}")
    return {
        name: _value(given[name], wanted.dtype, f"input: {name}")
        for name, wanted in spec.inputs.items()
    }


def _is_named(element: Any) -> bool:
    """Whether it is an object of inputs, and not the bytes of one."""
    return isinstance(element, dict) and element.keys() != {"b64"}


def _only_input(spec: SignatureSpec, key: str) -> str:
    if len(spec.inputs) != 1:
        names = ", ".join(sorted(spec.inputs))
        raise _malformed(
            f"'{key}' must hold objects with the named inputs {names}, because there are "
            f"{len(spec.inputs)} of them"
        )
    return next(iter(spec.inputs))


def _only_dtype(spec: SignatureSpec) -> np.dtype[Any]:
    return next(iter(spec.inputs.values())).dtype


def _check_named(index: int, element: Any, spec: SignatureSpec) -> None:
    if not _is_named(element):
        raise _failed(index, "Expecting object with the named inputs, as the other elements are")
    for name in spec.inputs:
        if name not in element:
            raise _failed(index, f"JSON object: does not have named input: {name}")
    for name in element:
        if name not in spec.inputs:
            raise _failed(index, f"JSON object: has unexpected named input: {name[:100]}")


def _elements(elements: Sequence[Any], dtype: np.dtype[Any], name: str = "") -> NDArray[Any]:
    """All at once; one by one only where that fails, to tell which element it is."""
    try:
        return json_tensors.decode(list(elements), dtype)
    except InvalidRequest:
        _find(elements, dtype, f" key: {name}" if name else "")
        raise


def _find(elements: Sequence[Any], dtype: np.dtype[Any], key: str) -> None:
    """Raises for the first element that is wrong, or unlike the first one."""
    size: int | None = None
    for index, element in enumerate(elements):
        try:
            array = json_tensors.decode(element, dtype)
        except InvalidRequest as error:
            raise _failed(index, error.message, key) from error
        if size is None:
            size = array.size
        if array.size != size:
            raise _failed(index, f"Expecting tensor size: {size} but got: {array.size}", key)


def _value(value: Any, dtype: np.dtype[Any], where: str) -> NDArray[Any]:
    try:
        return json_tensors.decode(value, dtype)
    except InvalidRequest as error:
        raise InvalidRequest(
            f"Failed to process {where}. Error: {error.message}", reason=error.reason
        ) from error


def _failed(index: int, why: str, key: str = "") -> InvalidRequest:
    return _malformed(f"Failed to process element: {index}{key} of 'instances' list. Error: {why}")


def _malformed(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="MALFORMED_TENSOR")
