"""What a version must do before it answers anybody: run its warmup requests, and repeat its golden batch."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import FailedPrecondition
from modelyard.model_store import GOLDEN, WARMUP, Manifest
from modelyard.prediction import Arrays, SignatureSpec, TensorSpec
from modelyard.runtimes import Runtime, parity, records
from modelyard.runtimes.records import Record

_MAX_RECORDS = 1000
"""As many as TensorFlow Serving accepts."""
_PROBE_ROWS = 3


def warm(runtime: Runtime, path: Path) -> int:
    """Runs the version's warmup requests; answers how many. The first run of a shape is the slow one."""
    runs = 0
    for record in _records(path / WARMUP):
        runtime.run(record.signature, record.inputs, record.wanted)
        runs += 1
    return runs


def check_golden(runtime: Runtime, path: Path, manifest: Manifest) -> int:
    """Compares answers with those that training computed; answers how many requests there were.

    Raises FailedPrecondition naming the output that differs.
    """
    checks = 0
    for record in _records(path / GOLDEN):
        got = runtime.run(record.signature, record.inputs, tuple(record.outputs))
        for why in parity.differences(record.outputs, got, manifest.tolerance):
            raise FailedPrecondition(
                f"the golden batch differs at {record.signature}.{why}", reason="GOLDEN_DIFFERS"
            )
        checks += 1
    return checks


def rows_are_independent(runtime: Runtime, signature: str, spec: SignatureSpec) -> bool:
    """Whether a row is answered the same alone and beside others, as far as made-up rows can tell.

    A SavedModel from elsewhere may mean its whole batch, as in x - mean(x). One that does not take the
    made-up rows is not trusted either.
    """
    random = np.random.default_rng(0)
    try:
        rows = {name: _made_up(tensor, random) for name, tensor in spec.inputs.items()}
        together = runtime.run(signature, rows)
        return all(
            _same_rows(
                runtime.run(signature, {n: a[i : i + 1] for n, a in rows.items()}), together, i
            )
            for i in range(_PROBE_ROWS)
        )
    # Whatever it raises for such rows says nothing about real ones.
    except Exception:
        return False


def _made_up(tensor: TensorSpec, random: np.random.Generator) -> NDArray[Any]:
    shape = (_PROBE_ROWS, *(max(size, 1) for size in (tensor.shape or ())[1:]))
    if tensor.dtype == np.dtype(object):
        words = [f"row {index}".encode() for index in range(int(np.prod(shape)))]
        return np.array(words, dtype=object).reshape(shape)
    return (random.random(shape) * 2).astype(tensor.dtype)


def _same_rows(alone: Arrays, together: Arrays, row: int) -> bool:
    return all(
        len(array) == _PROBE_ROWS and _equal(alone[name], array[row : row + 1])
        for name, array in together.items()
    )


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype.kind == "f":
        return bool(np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True))
    return bool(np.array_equal(one, other))


def _records(file: Path) -> Iterator[Record]:
    return islice(records.read(file), _MAX_RECORDS) if file.is_file() else iter(())
