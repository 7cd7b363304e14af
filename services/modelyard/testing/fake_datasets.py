"""The datasets of the fake, in memory: whole uploads, uploads in parts, and a look into CSV and JSON Lines."""

import csv
import hashlib
import io
import itertools
import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.errors import Code, Violation
from modelyard.testing.fake_errors import Refused, invalid, not_found

_BUILTIN = Path(__file__).parents[1] / "datasets" / "builtin"
_MOST_CLASSES = 20
_DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}


@dataclass
class _Upload:
    name: str
    size: int
    sha256: str | None
    content: bytes = b""


class FakeDatasets:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stored: dict[str, tuple[str, bytes]] = {}
        self._uploads: dict[str, _Upload] = {}
        self._numbers = itertools.count(1)

    def knows(self, source: str) -> bool:
        scheme, _, name = source.partition("://")
        if scheme == "builtin":
            return any(_BUILTIN.glob(f"{name}.*"))
        return scheme == "dataset" and name in self._stored

    def put(self, content: bytes, name: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        with self._lock:
            self._stored.setdefault(digest, (name, content))
        suggested = {"type": "jsonl" if name.endswith(".jsonl") else "csv"}
        uri = f"dataset://{digest}"
        return {"digest": digest, "uri": uri, "bytes": len(content), "suggested": suggested}

    def all(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {"digest": digest, "name": name, "size": len(content)}
                for digest, (name, content) in self._stored.items()
            ]

    def info(self, digest: str, used_by: Sequence[str]) -> dict[str, Any]:
        name, content = self._get(digest)
        used = {"jobs": list(used_by), "models": []}
        return {"name": name, **self.put(content, name), "used_by": used}

    def delete(self, digest: str, used_by: Sequence[str]) -> None:
        self._get(digest)
        if used_by:
            message = f"dataset {digest} is used by {', '.join(used_by)}"
            raise Refused(Code.FAILED_PRECONDITION, "IN_USE", message)
        with self._lock:
            del self._stored[digest]

    def rows(self, source: str, type: str, delimiter: str) -> list[dict[str, Any]]:
        """The rows of a digest or of `builtin/<name>`."""
        scheme, _, name = source.rpartition("/")
        if scheme:
            found = next(_BUILTIN.glob(f"{name}.*"), None)
            if found is None:
                raise not_found("dataset", name, "DATASET_NOT_FOUND")
            filename, content = found.name, found.read_bytes()
        else:
            filename, content = self._get(source)
        is_lines = type == "jsonl" or (not type and filename.endswith(".jsonl"))
        if (not is_lines and (type or "csv") != "csv") or filename.endswith(".npz"):
            message = "the fake looks into CSV and JSON Lines only"
            raise Refused(Code.FAILED_PRECONDITION, "FAKE", message)
        return _lines(content) if is_lines else _table(content, delimiter)

    def begin(self, name: str, size: int, sha256: str | None) -> dict[str, Any]:
        with self._lock:
            id = f"upload-{next(self._numbers)}"
            self._uploads[id] = _Upload(name, size, sha256)
        return self.upload(id)

    def upload(self, id: str) -> dict[str, Any]:
        upload = self._uploads.get(id)
        if upload is None:
            raise not_found("upload", id, "UPLOAD_NOT_FOUND")
        state = {"id": id, "offset": len(upload.content), "bytes": upload.size}
        if len(upload.content) < upload.size:
            return state
        return state | self.put(upload.content, upload.name)

    def append(self, id: str, offset: int, content: bytes) -> dict[str, Any]:
        self.upload(id)
        upload = self._uploads[id]
        with self._lock:
            reached = len(upload.content)
            if offset != reached:
                message = f"the upload is at {reached}, not at {offset}"
                headers = {"Upload-Offset": str(reached)}
                raise Refused(Code.ABORTED, "OFFSET_MISMATCH", message, headers=headers)
            upload.content += content
        if len(upload.content) == upload.size:
            _check_digest(upload)
        return self.upload(id)

    def abort(self, id: str) -> None:
        self.upload(id)
        with self._lock:
            del self._uploads[id]

    def _get(self, digest: str) -> tuple[str, bytes]:
        with self._lock:
            if digest not in self._stored:
                raise not_found("dataset", digest, "DATASET_NOT_FOUND")
            return self._stored[digest]


def builtin() -> list[dict[str, Any]]:
    files = sorted(file for kind in ("csv", "npz") for file in _BUILTIN.glob(f"*.{kind}"))
    return [
        {
            "name": file.stem,
            "uri": f"builtin://{file.stem}",
            "bytes": file.stat().st_size,
            "suggested": {"type": file.suffix[1:]},
        }
        for file in files
    ]


def schema(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = list(rows[0]) if rows else []
    columns = [_column(name, [row.get(name) for row in rows]) for name in names]
    return {"rows": len(rows), "columns": columns}


def _column(name: str, values: Sequence[Any]) -> dict[str, Any]:
    present = [value for value in values if value is not None]
    numbers = [float(v) for v in present if isinstance(v, int | float)]
    is_number = bool(numbers) and len(numbers) == len(present)
    counts = Counter(map(str, present))
    return {
        "name": name,
        "kind": "number" if is_number else "text",
        "shape": [],
        "missing": len(values) - len(present),
        "distinct": len(counts),
        "classes": dict(sorted(counts.items())) if len(counts) <= _MOST_CLASSES else None,
        "min": min(numbers) if is_number else None,
        "max": max(numbers) if is_number else None,
        "mean": sum(numbers) / len(numbers) if is_number else None,
    }


def _table(content: bytes, delimiter: str) -> list[dict[str, Any]]:
    letter = _DELIMITERS.get(delimiter or "comma", ",")
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=letter)
    return [{name: _cell(cell) for name, cell in row.items()} for row in reader]


def _lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def _cell(text: str | None) -> float | str | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _check_digest(upload: _Upload) -> None:
    found = hashlib.sha256(upload.content).hexdigest()
    if upload.sha256 not in (None, found):
        violation = Violation("sha256", "the bytes that came are others", upload.sha256, found)
        raise invalid(violation, reason="DIGEST_MISMATCH")
