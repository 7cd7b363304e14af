"""Warmup requests, of real rows or of none of the user's."""

import struct
import zlib

import numpy as np
import pytest

from modelyard.training import samples


def test_every_signature_and_size():
    inputs = {"a": {"x": np.arange(3)}, "b": {"y": np.arange(100)}}
    found = [(r.signature, len(next(iter(r.inputs.values())))) for r in samples.warmup(inputs)]
    assert found == [(s, n) for s in "ab" for n in (1, 2, 4, 8, 16, 32, 64)]


def test_few_rows_are_repeated():
    *_, last = samples.warmup({"a": {"x": np.arange(3)}})
    assert last.inputs["x"][:5].tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"dear Anna", b"a"), (b"BMW 3 series", b"a"), (b"RIFFraff", b"a"), (b"", b"a")],
)
def test_text_gives_way_to_text(value, expected):
    inputs = {"a": {"text": np.array([value, value], object)}}
    assert samples.synthetic(inputs)["a"]["text"].tolist() == [expected] * 2


def test_numbers_give_way_to_zeros_of_the_same_form():
    found = samples.synthetic({"a": {"history": np.ones((2, 5, 1), np.float32)}})["a"]["history"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.zeros((2, 5, 1)))


def test_images_give_way_to_a_valid_image():
    """The PNG is read by hand: signature, header of one grey pixel, checksums, its one row."""
    found = samples.synthetic(
        {"a": {"image": np.array([b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"], object)}}
    )
    (png,) = found["a"]["image"].tolist()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + size]
        (crc,) = struct.unpack(">I", png[at + 8 + size : at + 12 + size])
        assert crc == zlib.crc32(kind + data)
        chunks[kind], at = data, at + 12 + size
    assert chunks[b"IHDR"][:10] == struct.pack(">IIBB", 1, 1, 8, 0)
    assert zlib.decompress(chunks[b"IDAT"]) == b"\x00\x80"
