"""What the first bytes of an encoded image say: its kind and its size, before anything is decoded.

A file of a few kilobytes may claim to hold gigapixels, and a decoder would believe it.
"""

import struct

from modelyard.errors import InvalidRequest

MAX_PIXELS = 64 * 1024 * 1024
"""Of one image: 200 MB of red, green and blue."""

_KINDS = "a JPEG, PNG, BMP or GIF file"
_NO_SIZE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers that stand alone."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers of a frame header, which has the size."""


def check(field: str, data: bytes) -> None:
    """Raises InvalidRequest naming `field` unless the bytes begin like an image of a sane size."""
    try:
        size = _size(data)
    except (struct.error, IndexError):
        raise InvalidRequest.of(
            field, "ends within its header", expected=_KINDS, received=f"{len(data)} bytes"
        ) from None
    if size is None:
        raise InvalidRequest.of(
            field, "is no image", expected=_KINDS, received=f"{len(data)} bytes: {_start(data)}"
        )
    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise InvalidRequest.of(
            field,
            "has a size that is not accepted",
            expected=f"1 to {MAX_PIXELS} pixels",
            received=f"{width} x {height}",
        )


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height; None if it is none of the kinds."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if data.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    if data.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", data, 18)
        return abs(width), abs(height)  # a negative height: the rows go down
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(data)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int]:
    position = 2
    while True:
        while data[position] != 0xFF:
            position += 1
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        position += 1
        if marker in _NO_SIZE:
            continue
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
        position += max(2, struct.unpack_from(">H", data, position)[0])


def _start(data: bytes) -> str:
    return data[:8].hex(" ") or "nothing"
