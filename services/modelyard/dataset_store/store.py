"""What was uploaded once never changes, is stored once, and is named by its SHA-256."""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from modelyard.dataset_store import space
from modelyard.errors import FailedPrecondition, InvalidRequest, NotFound, ResourceExhausted
from modelyard.storage import fsync_dir, sha256, write_json

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1024 * 1024
_NAME_LENGTH = 200
ABANDONED = 86_400.0
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
    """The folder of uploads. Every method may be called by several processes at once.

    `reserve` bytes of the disk are left free. `patience` is how many seconds a caller waits for a large dataset
    to be looked through; None is as long as it takes.
    """

    def __init__(self, root: Path, *, reserve: int = 0, patience: float | None = None) -> None:
        self.root = root
        self.reserve = reserve
        self.patience = patience

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
        with self.receive(limit) as incoming:
            for chunk in _chunks(content):
                incoming.write(chunk)
            return incoming.finish(name)

    @contextmanager
    def receive(self, limit: int | None = None, declared: int = 0) -> Iterator["Incoming"]:
        """A place for bytes that come bit by bit; nothing is left of it unless it was finished.

        `declared` is how many bytes are said to come.
        """
        (self.root / "sha256").mkdir(parents=True, exist_ok=True)
        self._sweep()
        space.check(self.root, declared, self.reserve)
        temporary = self.root / "sha256" / f".{secrets.token_hex(8)}.tmp"
        try:
            with open(temporary, "xb", buffering=0) as file:
                yield Incoming(self, file, temporary, limit)
        finally:
            temporary.unlink(missing_ok=True)

    def adopt(self, file: Path, name: str, expected: str | None = None) -> str:
        """Takes over a durable file of the same file system, and answers its digest.

        Raises InvalidRequest, and leaves the file, if its digest is not the expected one.
        """
        digest = sha256(file)
        if expected is not None and digest != expected:
            raise InvalidRequest.of(
                "sha256",
                "the bytes that came are others",
                expected=expected,
                received=digest,
                reason="DIGEST_MISMATCH",
            )
        self.keep(file, digest, name)
        return digest

    def keep(self, file: Path, digest: str, name: str) -> None:
        final = self._place(digest)
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.is_file():
            file.unlink(missing_ok=True)
            return
        size = file.stat().st_size
        os.replace(file, final)
        fsync_dir(final.parent)
        fsync_dir(final.parent.parent)
        info = StoredDataset(
            digest=digest, name=plain(name), size=size, created_at=_time(final.stat().st_mtime)
        )
        write_json(final.with_suffix(".json"), info.model_dump(mode="json"))

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
        listed = []
        for digest in found:
            with suppress(NotFound):  # deleted meanwhile
                listed.append(self.info(digest))
        return sorted(listed, key=lambda d: (d.created_at, d.digest))

    @contextmanager
    def held(self, digest: str) -> Iterator[Path]:
        """Nobody deletes the dataset meanwhile: for whoever is about to say, durably, that it is in use.

        Raises NotFound if it is gone.
        """
        with self._locked(digest, fcntl.LOCK_SH) as path:
            yield path

    def delete(self, digest: str, users: Callable[[], Sequence[str]] = lambda: ()) -> None:
        """Removes the dataset unless somebody uses it; `users` is asked when nobody can begin to.

        Raises FailedPrecondition that names them, and NotFound.
        """
        with self._locked(digest, fcntl.LOCK_EX) as path:
            using = users()
            if using:
                raise FailedPrecondition(
                    f"the dataset is used by {', '.join(using[:5])}"
                    + (f" and {len(using) - 5} more" if len(using) > 5 else ""),
                    reason="IN_USE",
                )
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
            shutil.rmtree(self.summaries(digest), ignore_errors=True)
            fsync_dir(path.parent)

    def summaries(self, digest: str) -> Path:
        """The folder of what was found out about a dataset; it may be lost at any time."""
        return self.root / "summaries" / digest

    @contextmanager
    def _locked(self, digest: str, how: int) -> Iterator[Path]:
        path = self.path(digest)
        try:
            file = open(path, "r+b" if how == fcntl.LOCK_EX else "rb")  # noqa: SIM115  closed below
        except FileNotFoundError:
            path = self.path(digest)  # raises NotFound
            raise
        with file:
            fcntl.flock(file, how)
            if not path.is_file() or os.stat(path).st_ino != os.fstat(file.fileno()).st_ino:
                raise NotFound(f"dataset {digest} was deleted", reason="DATASET_NOT_FOUND")
            yield path

    def _sweep(self) -> None:
        """Removes what uploads left that a crash ended."""
        for file in self.root.glob("sha256/.*.tmp"):
            with suppress(FileNotFoundError):  # another upload has just ended
                if file.stat().st_mtime < time.time() - ABANDONED:
                    file.unlink()

    def _place(self, digest: str) -> Path:
        if not self.is_digest(digest):
            raise InvalidRequest.of(
                "digest", "not a SHA-256", expected="64 hexadecimal digits", received=repr(digest)
            )
        return self.root / "sha256" / digest[:2] / digest


class Incoming:
    """Bytes on their way into the store, hashed as they come."""

    def __init__(self, store: DatasetStore, file: FileIO, path: Path, limit: int | None) -> None:
        self._store = store
        self._file = file
        self._path = path
        self._limit = limit
        self._sha = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self._limit is not None and self.size > self._limit:
            raise ResourceExhausted(
                f"the upload is larger than the {self._limit} bytes that are allowed",
                reason="DATASET_TOO_LARGE",
            )
        self._sha.update(chunk)
        with space.explained():
            write_all(self._file, chunk)

    def finish(self, name: str) -> str:
        """Makes the bytes durable and visible, and answers their digest."""
        if self.size == 0:
            raise InvalidRequest.of("body", "the upload is empty", reason="EMPTY_DATASET")
        with space.explained():
            os.fsync(self._file.fileno())
        self._store.keep(self._path, self._sha.hexdigest(), name)
        return self._sha.hexdigest()


def _chunks(content: BinaryIO | Iterable[bytes]) -> Iterable[bytes]:
    if hasattr(content, "read"):
        return iter(lambda: content.read(_CHUNK), b"")
    return content


def write_all(file: FileIO, chunk: bytes) -> None:
    """An unbuffered file may take less than it is given."""
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def plain(name: str) -> str:
    """The last part of a path, without control characters: it is shown to people."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:_NAME_LENGTH]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
