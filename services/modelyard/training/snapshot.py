"""The whole state of a network in training, as named arrays: what a checkpoint holds."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

BEST = "best"


def take(model: keras.Model) -> Arrays:
    """Weights, the states of random generators, the optimizer and the running metrics."""
    groups = _groups(model)
    return {key: array for group in groups for key, array in _named(group, groups[group]).items()}


def take_best(model: keras.Model) -> Arrays:
    """Only what answers depend on."""
    return _named(BEST, model.weights)


def restore(model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raises ValueError, with nothing changed, if the arrays are not those of this network."""
    groups = _groups(model)
    for group, variables in groups.items():
        _check(group, variables, arrays)
    for group, variables in groups.items():
        _assign(group, variables, arrays)


def restore_best(model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    _check(BEST, model.weights, arrays)
    _assign(BEST, model.weights, arrays)


def non_finite(model: keras.Model) -> str | None:
    """The path of a weight that is NaN or infinite."""
    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            return str(weight.path)
    return None


def _groups(model: keras.Model) -> dict[str, list[Any]]:
    return {
        "model": model.variables,  # with the states of Dropout's random generators, unlike `weights`
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }


def _named(group: str, variables: Iterable[Any]) -> Arrays:
    return {
        f"{group}/{index}": np.array(keras.ops.convert_to_numpy(variable))
        for index, variable in enumerate(variables)
    }


def _check(group: str, variables: list[Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    count = sum(key.startswith(f"{group}/") for key in arrays)
    if count != len(variables):
        raise ValueError(f"it has {count} arrays of the {group}, and {len(variables)} are needed")
    for index, variable in enumerate(variables):
        array = arrays[f"{group}/{index}"]
        if array.shape != tuple(variable.shape):
            raise ValueError(f"{variable.path} has shape {array.shape} in it")


def _assign(group: str, variables: list[Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    for index, variable in enumerate(variables):
        variable.assign(arrays[f"{group}/{index}"])
