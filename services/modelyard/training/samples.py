"""The requests that a version is verified and warmed with: real ones, or ones that hold no user's data."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.runtimes.records import Record

GOLDEN_ROWS = 32
WARMUP_SIZES = (1, 2, 4, 8, 16, 32, 64)

Arrays = Mapping[str, NDArray[Any]]

_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")


def warmup(inputs: Mapping[str, Arrays]) -> Iterator[Record]:
    """Every signature with every size of a batch, out of the rows of `inputs`, over and over."""
    for signature, arrays in inputs.items():
        for size in WARMUP_SIZES:
            yield Record(signature, {name: _rows(a, size) for name, a in arrays.items()}, {})


def synthetic(inputs: Mapping[str, Arrays]) -> dict[str, dict[str, NDArray[Any]]]:
    """The same signatures and shapes with values that nobody gave us, and that every graph accepts."""
    return {
        signature: {name: _synthetic(array) for name, array in arrays.items()}
        for signature, arrays in inputs.items()
    }


def _rows(array: NDArray[Any], size: int) -> NDArray[Any]:
    return array[np.arange(size) % len(array)]


def _synthetic(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "OSU":
        return np.zeros_like(array)
    result = np.empty(array.shape, object)
    result[...] = _GREY_PIXEL if _is_image(array.ravel()[0] if array.size else b"") else b"a"
    return result


def _is_image(value: Any) -> bool:
    """Text may begin like a bitmap ("BMW"), but holds no zero byte; every format of images does."""
    return isinstance(value, bytes) and value.startswith(_IMAGES) and b"\0" in value


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_GREY_PIXEL = (
    b"\x89PNG\r\n\x1a\n"
    + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _png_chunk(b"IDAT", zlib.compress(b"\x00\x80"))
    + _png_chunk(b"IEND", b"")
)
"""An image of one pixel, in a format that every decoder reads."""
