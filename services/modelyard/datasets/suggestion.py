"""What format a file probably has, told by its first bytes and its name; needs no NumPy."""

import csv
import zlib
from pathlib import Path
from typing import Any

_LOOKED_AT = 64 * 1024
_TARS = (".tar", ".tgz", ".tar.gz")
_DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}


def suggest(path: Path, name: str) -> dict[str, Any] | None:
    """The `type` of the dataset and the fields that are not the default; None if nothing fits.

    `name` is what its owner called the file. A suggestion promises nothing: only reading tells.
    """
    with open(path, "rb") as file:
        head = file.read(_LOOKED_AT)
    if head.startswith(b"PAR1"):
        return {"type": "parquet"}
    if head.startswith(b"PK\x03\x04"):
        return {"type": "npz" if _holds_arrays(path, name) else "image_folder"}
    if _is_tar(head) or name.lower().endswith(_TARS):
        return {"type": "image_folder"}
    return _text(head, name.lower())


def _holds_arrays(path: Path, name: str) -> bool:
    if name.lower().endswith(".npz"):
        return True
    with open(path, "rb") as file:
        header = file.read(30)
        length = int.from_bytes(header[26:28], "little")
        return file.read(length).endswith(b".npy")


def _is_tar(head: bytes) -> bool:
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, 1024)
        except zlib.error:
            return False
    return head[257:262] == b"ustar"


def _text(head: bytes, name: str) -> dict[str, Any] | None:
    encoding = _encoding(head)
    if encoding is None:
        return None
    text = head.decode(encoding, errors="ignore")
    if name.endswith((".jsonl", ".ndjson")) or text.lstrip().startswith("{"):
        return {"type": "jsonl"}
    found: dict[str, Any] = {"type": "csv"}
    delimiter = "tab" if name.endswith((".tsv", ".tab")) else _delimiter(text)
    if delimiter != "comma":
        found["delimiter"] = delimiter
    if encoding != "utf-8":
        found["encoding"] = encoding
    return found


def _encoding(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in head or not head:
        return None
    try:
        # The last line may be cut in the middle of a character.
        head.rpartition(b"\n")[0].decode("utf-8")
    except UnicodeError:
        return "latin-1"
    return "utf-8"


def _delimiter(text: str) -> str:
    """The one that cuts the first lines into the most cells, all into the same number."""
    lines = text.splitlines()[:20]
    if len(lines) > 1:
        lines = lines[: 20 if len(text) < _LOOKED_AT else -1]
    best, most = "comma", 1
    for character, name in _DELIMITERS.items():
        try:
            widths = {len(cells) for cells in csv.reader(lines, delimiter=character) if cells}
        except csv.Error:
            continue
        if len(widths) == 1 and (width := widths.pop()) > most:
            best, most = name, width
    return best
