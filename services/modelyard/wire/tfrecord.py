"""TFRecord files, which hold golden batches and warmup requests.

length (8 bytes) · masked CRC-32C of the length · data · masked CRC-32C of the data
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from modelyard.errors import FailedPrecondition
from modelyard.wire.crc32c import masked_crc32c

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


def write(path: Path, records: Iterable[bytes]) -> None:
    """Writes a new file. It is not durable before somebody calls fsync."""
    with open(path, "wb") as file:
        for record in records:
            length = _LENGTH.pack(len(record))
            file.write(length + _CRC.pack(masked_crc32c(length)))
            file.write(record)
            file.write(_CRC.pack(masked_crc32c(record)))


def read(path: Path) -> Iterator[bytes]:
    """Raises FailedPrecondition naming the file and the place if it is torn or corrupt."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        while (start := file.tell()) < size:
            length = _checked(path, start, file, _LENGTH.size, size)
            yield _checked(path, start, file, _LENGTH.unpack(length)[0], size)


def _checked(path: Path, start: int, file: BinaryIO, length: int, size: int) -> bytes:
    """Reads bytes and the CRC that follows them; `length` comes from the file and may be absurd."""
    if length > size - file.tell() - _CRC.size:
        raise _damaged(path, start, "ends before its end")
    data = file.read(length)
    if _CRC.unpack(file.read(_CRC.size))[0] != masked_crc32c(data):
        raise _damaged(path, start, "does not match its checksum")
    return data


def _damaged(path: Path, start: int, why: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"{path}: the record at byte {start} {why}", reason="DAMAGED_RECORD_FILE"
    )
