"""The examples in the body of a classify or regress request, as tf.Example."""

from collections.abc import Mapping
from typing import Any

from modelyard.errors import InvalidRequest
from modelyard.wire import json_tensors
from modelyard.wire.tf_serving import Example

_INT64 = range(-(2**63), 2**63)


def examples_from(body: Mapping[str, Any]) -> list[Any]:
    """Features of `context` belong to every example that does not say otherwise. Raises InvalidRequest."""
    if "examples" not in body:
        raise _malformed("When method is classify or regress, key 'examples' is expected")
    given, context = body["examples"], body.get("context", {})
    if not isinstance(given, list):
        raise _malformed("'examples' value is not a list/array")
    if not given:
        raise InvalidRequest("Input is empty.", reason="EMPTY_INPUT")
    if not isinstance(context, dict):
        raise _malformed("'context' value is not an object")
    return [_example(index, each, context) for index, each in enumerate(given)]


def _example(index: int, features: Any, context: Mapping[str, Any]) -> Any:
    if not isinstance(features, dict):
        raise _malformed(f"Example: {index} is not an object")
    example = Example()
    for name, value in {**context, **features}.items():
        try:
            _fill(example.features.feature[name], value if isinstance(value, list) else [value])
        except UnicodeEncodeError as error:
            raise _malformed("the name of a feature is no text") from error
        except InvalidRequest as error:
            raise _malformed(f"Example: {index} feature: {name}: {error.message}") from error
    return example


def _fill(feature: Any, values: list[Any]) -> None:
    """The list is of the one type that all values share; whole numbers may stand among floats."""
    kinds = {type(value) for value in values}
    if kinds <= {str, dict}:
        feature.bytes_list.value.extend(map(json_tensors.bytes_of, values))
    elif kinds <= {int, bool}:
        _check_range(values)
        feature.int64_list.value.extend(map(int, values))
    elif kinds <= {int, float}:
        _check_range([value for value in values if type(value) is int])
        feature.float_list.value.extend(map(float, values))
    else:
        raise _malformed('takes a number, a string, {"b64": …}, or a list of one of these')


def _check_range(values: list[Any]) -> None:
    if not all(int(value) in _INT64 for value in values):
        raise _malformed("holds a number beyond 64 bits")


def _malformed(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="MALFORMED_REQUEST")
