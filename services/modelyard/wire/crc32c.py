"""CRC-32C (Castagnoli), as TFRecord files use it, fast enough for megabytes without an extension module.

A CRC is linear: the CRCs of equally long pieces are computed side by side, one NumPy lane for each piece,
and joined pairwise by the operator that stands for "so many zero bytes follow".
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # reversed
_PIECE = 128
_WORTH_LANES = 8 * _PIECE

_Words = NDArray[np.uint32]


def crc32c(data: bytes) -> int:
    if len(data) < _WORTH_LANES:
        return _serial(data)
    return int(_joined(_of_lanes(_lanes(data)))) ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """TFRecord's form: so that the CRC of data which holds CRCs is no weaker."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _table() -> _Words:
    """What one byte adds."""
    words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        words = np.where(words & 1, words >> 1 ^ _POLYNOMIAL, words >> 1).astype(np.uint32)
    return words


@cache
def _table_list() -> list[int]:
    numbers: list[int] = _table().tolist()
    return numbers


def _serial(data: bytes) -> int:
    table, crc = _table_list(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _lanes(data: bytes) -> NDArray[np.uint8]:
    """[lanes, _PIECE]; a power of two of lanes, with zeros in front, which leave a CRC of 0 as it is."""
    lanes = 1 << (-(-len(data) // _PIECE) - 1).bit_length()
    padded = np.zeros(lanes * _PIECE, np.uint8)
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 0xFF  # the same as to begin with a CRC of 0xFFFFFFFF
    return padded.reshape(lanes, _PIECE)


def _of_lanes(lanes: NDArray[np.uint8]) -> _Words:
    table = _table()
    crcs = np.zeros(len(lanes), np.uint32)
    for column in np.ascontiguousarray(lanes.T):
        crcs = table[(crcs ^ column) & 255] ^ crcs >> 8
    return crcs


def _joined(crcs: _Words) -> np.uint32:
    shift = _zeros_piece()
    while len(crcs) > 1:
        crcs = _apply(shift, crcs[0::2]) ^ crcs[1::2]
        shift = _apply(shift, shift)
    return np.uint32(crcs[0])


def _apply(operator: _Words, words: _Words) -> _Words:
    """A linear operator, held as what each value of each of the four bytes becomes: [4, 256]."""
    return np.asarray(
        operator[0][words & 255]
        ^ operator[1][words >> 8 & 255]
        ^ operator[2][words >> 16 & 255]
        ^ operator[3][words >> 24]
    )


@cache
def _zeros_piece() -> _Words:
    """The operator of _PIECE zero bytes."""
    words = np.stack([np.arange(256, dtype=np.uint32) << shift for shift in (0, 8, 16, 24)])
    table = _table()
    for _ in range(_PIECE):
        words = table[words & 255] ^ words >> 8
    return words
