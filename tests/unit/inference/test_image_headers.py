"""The size that an image claims, against files that Pillow wrote."""

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modelyard.errors import InvalidRequest
from modelyard.tasks.image_classification import headers

KINDS = {"PNG": {}, "GIF": {}, "BMP": {}, "JPEG": {}, "JPEG progressive": {"progressive": True}}


def encoded(kind: str, width: int, height: int) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "x" * 500  # a segment before the size
    options = {"exif": exif, **KINDS[kind]} if kind.startswith("JPEG") else {}
    Image.new("RGB", (width, height), (9, 99, 200)).save(file, kind.split()[0], **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_is_what_was_written(kind: str) -> None:
    assert headers._size(encoded(kind, 37, 11)) == (37, 11)
    headers.check("image", encoded(kind, 37, 11))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_header_is_refused(kind: str) -> None:
    with pytest.raises(InvalidRequest, match="ends within its header"):
        headers.check("images[2]", encoded(kind, 37, 11)[:9])


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 2**31, 2**31),
        b"GIF89a" + struct.pack("<HH", 65535, 65535),
        b"BM" + bytes(16) + struct.pack("<ii", 2**30, -(2**30)),
        b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 65535, 65535),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 0, 5),
    ],
)
def test_absurd_sizes_are_refused_before_anything_is_decoded(bomb: bytes) -> None:
    with pytest.raises(InvalidRequest, match="has a size that is not accepted"):
        headers.check("image", bomb)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"\xff\xd8\xff"]),
    st.binary(max_size=200),
)
def test_any_bytes_are_accepted_or_refused_and_never_worse(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        headers.check("image", start + rest)
