"""Record files: whole, or an error that names the place."""

import pytest

from modelyard.errors import FailedPrecondition
from modelyard.wire import tfrecord
from modelyard.wire.crc32c import crc32c, masked_crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # RFC 3720, appendix B.4.
        (b"\x00" * 32, 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_crc32c(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize("size", [1023, 1024, 1025, 4096, 70_001])
def test_the_fast_way_agrees_with_the_definition(size):
    data = bytes(i * i % 251 for i in range(size))
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


def test_the_mask_rotates_and_adds():
    assert masked_crc32c(b"") == 0xA282EAD8


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "records"
    tfrecord.write(path, [b"one", b"", b"three" * 1000])
    return path


def test_what_was_written_is_read(file):
    assert list(tfrecord.read(file)) == [b"one", b"", b"three" * 1000]


def test_an_empty_file_has_no_records(tmp_path):
    tfrecord.write(tmp_path / "none", [])
    assert list(tfrecord.read(tmp_path / "none")) == []


@pytest.mark.parametrize("kept", [3, 11, 17, 30, 100])
def test_a_torn_file(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(FailedPrecondition, match="ends before its end"):
        list(tfrecord.read(file))


@pytest.mark.parametrize("place", [0, 7, 9, 13, 17])
def test_every_changed_byte_is_noticed(file, place):
    data = bytearray(file.read_bytes())
    data[place] ^= 0x10
    file.write_bytes(data)
    with pytest.raises(FailedPrecondition, match="record at byte 0"):
        list(tfrecord.read(file))
