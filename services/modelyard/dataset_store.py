"""Uploaded datasets, content-addressed: what was uploaded once never changes and is stored once.

<root>/sha256/ab/abcdef…        the bytes
<root>/sha256/ab/abcdef….json   their name, size and time of upload
"""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from modelyard.errors import InvalidRequest, NotFound, ResourceExhausted
from modelyard.storage import fsync_dir, write_json

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1024 * 1024
_NAME_LENGTH = 200
_ABANDONED = 86_400.0
"""Seconds after which an upload that has not ended is given up."""


class StoredDataset(BaseModel):
    """What is known of an upload. `digest` is the SHA-256 of its bytes."""

    model_config = ConfigDict(frozen=True)

    digest: str
    name: str = ""
    """The name of the file that was uploaded first; for people and messages only."""
    size: int
    """Bytes."""
    created_at: str


class DatasetStore:
    """The folder of uploads. Every method may be called by several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def is_digest(text: str) -> bool:
        return _DIGEST.fullmatch(text) is not None

    def put(
        self, content: BinaryIO | Iterable[bytes], limit: int | None = None, *, name: str = ""
    ) -> str:
        """Stores the bytes and answers their digest; durable on return.

        Raises ResourceExhausted, with nothing stored, as soon as more than `limit` bytes come, and
        InvalidRequest if none come.
        """
        (self.root / "sha256").mkdir(parents=True, exist_ok=True)
        self._sweep()
        temporary = self.root / "sha256" / f".{secrets.token_hex(8)}.tmp"
        try:
            digest, size = _write(temporary, _chunks(content), limit)
            if size == 0:
                raise InvalidRequest.of("body", "the upload is empty", reason="EMPTY_DATASET")
            self._keep(temporary, digest, size, name)
        finally:
            temporary.unlink(missing_ok=True)
        return digest

    def path(self, digest: str) -> Path:
        """Raises NotFound, and InvalidRequest if `digest` is no digest; other paths are never answered."""
        path = self._place(digest)
        if not path.is_file():
            raise NotFound(f"no dataset {digest} was uploaded", reason="DATASET_NOT_FOUND")
        return path

    def info(self, digest: str) -> StoredDataset:
        path = self.path(digest)
        try:
            return StoredDataset.model_validate_json(path.with_suffix(".json").read_bytes())
        except (FileNotFoundError, ValidationError):
            # A crash came between the two renames; the bytes are whole all the same.
            stat = path.stat()
            return StoredDataset(digest=digest, size=stat.st_size, created_at=_time(stat.st_mtime))

    def list(self) -> list[StoredDataset]:
        """The oldest first."""
        found = (f.name for f in self.root.glob("sha256/*/*") if self.is_digest(f.name))
        return sorted((self.info(digest) for digest in found), key=lambda d: d.created_at)

    def delete(self, digest: str) -> None:
        path = self.path(digest)
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
        fsync_dir(path.parent)

    def _sweep(self) -> None:
        """Removes what uploads left that a crash ended."""
        for file in self.root.glob("sha256/.*.tmp"):
            with suppress(FileNotFoundError):  # another upload has just ended
                if file.stat().st_mtime < time.time() - _ABANDONED:
                    file.unlink()

    def _place(self, digest: str) -> Path:
        if not self.is_digest(digest):
            raise InvalidRequest.of(
                "digest", "not a SHA-256", expected="64 hexadecimal digits", received=repr(digest)
            )
        return self.root / "sha256" / digest[:2] / digest

    def _keep(self, temporary: Path, digest: str, size: int, name: str) -> None:
        final = self._place(digest)
        final.parent.mkdir(exist_ok=True)
        if final.is_file():
            return
        os.replace(temporary, final)
        fsync_dir(final.parent)
        fsync_dir(final.parent.parent)
        info = StoredDataset(
            digest=digest, name=_plain(name), size=size, created_at=_time(final.stat().st_mtime)
        )
        write_json(final.with_suffix(".json"), info.model_dump(mode="json"))


def _chunks(content: BinaryIO | Iterable[bytes]) -> Iterable[bytes]:
    if hasattr(content, "read"):
        return iter(lambda: content.read(_CHUNK), b"")
    return content


def _write(path: Path, chunks: Iterable[bytes], limit: int | None) -> tuple[str, int]:
    sha, size = hashlib.sha256(), 0
    with open(path, "xb") as file:
        for chunk in chunks:
            size += len(chunk)
            if limit is not None and size > limit:
                raise ResourceExhausted(
                    f"the upload is larger than the {limit} bytes that are allowed",
                    reason="DATASET_TOO_LARGE",
                )
            sha.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return sha.hexdigest(), size


def _plain(name: str) -> str:
    """The last part of a path, without control characters: it is shown to people."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:_NAME_LENGTH]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
