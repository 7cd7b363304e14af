"""Whether two answers are the same, within what a version's manifest tolerates."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.model_store import Tolerance


def differences(
    expected: Mapping[str, NDArray[Any]],
    received: Mapping[str, NDArray[Any]],
    tolerance: Mapping[str, Tolerance],
) -> list[str]:
    """What is different, one sentence for each output; empty if nothing is.

    `tolerance` is by NumPy's name of the dtype; what it does not name must be equal. NaN equals NaN.
    """
    if expected.keys() != received.keys():
        return [f"the outputs are {sorted(received)}, and {sorted(expected)} were expected"]
    found = (
        _difference(name, values, received[name], tolerance) for name, values in expected.items()
    )
    return [text for text in found if text]


def _difference(
    name: str,
    expected: NDArray[Any],
    received: NDArray[Any],
    tolerance: Mapping[str, Tolerance],
) -> str:
    if expected.dtype.kind in "OSU":
        expected, received = _bytes(expected), _bytes(received)
    if expected.dtype != received.dtype:
        return f"{name} is {received.dtype}, and {expected.dtype} was expected"
    if expected.shape != received.shape:
        return f"{name} has shape {list(received.shape)}, and {list(expected.shape)} was expected"
    allowed = tolerance.get(expected.dtype.name)
    if allowed is None:
        wrong = expected != received
    else:
        wrong = ~np.isclose(
            received, expected, rtol=allowed.relative, atol=allowed.absolute, equal_nan=True
        )
    if not np.any(wrong):
        return ""
    where = tuple(int(index) for index in np.argwhere(wrong)[0])
    return (
        f"{name}{list(where)} is {received[where]!r}, and {expected[where]!r} was expected; "
        f"{int(np.count_nonzero(wrong))} of {expected.size} values differ"
    )


def _bytes(array: NDArray[Any]) -> NDArray[Any]:
    """Text as an object array of bytes, in whatever form it came."""
    flat = [text.encode() if isinstance(text, str) else text for text in array.ravel().tolist()]
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(array.shape)
