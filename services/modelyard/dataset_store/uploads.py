"""Uploads that may be interrupted and go on: what came so far is on disk, and survives every restart."""

import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from modelyard.dataset_store import space
from modelyard.dataset_store.store import ABANDONED, DatasetStore, plain, write_all
from modelyard.errors import Conflict, InvalidRequest, NotFound, ResourceExhausted, Violation
from modelyard.storage import fsync_dir, write_json

_ID = re.compile(r"[0-9a-f]{32}")
_NOTED_EVERY = 64 * 1024 * 1024
"""Bytes after which what has come is made durable, so that no crash costs more than these."""


class Upload(BaseModel):
    """The state of one upload; durable, and never ahead of the bytes."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str = ""
    size: int
    """How many bytes there will be."""
    sha256: str | None = None
    """What they should come to, if that was said."""
    offset: int = 0
    """How many have come."""
    digest: str | None = None
    """Of the dataset, once all bytes have come."""
    touched_at: float
    """Seconds since the epoch; an upload that nobody goes on with for a day is removed."""


class Uploads:
    """The uploads that are under way into a store. Every method may be called by several processes at once."""

    def __init__(self, store: DatasetStore, *, most: int = 32) -> None:
        self._store = store
        self._most = most
        self._folder = store.root / "uploads"

    def create(self, name: str, size: int, sha256: str | None = None) -> Upload:
        """Begins an upload; one whose bytes are known by their digest is complete at once.

        Raises ResourceExhausted if too many are under way or the disk is too full.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self.sweep()
        upload = Upload(
            id=secrets.token_hex(16),
            name=plain(name),
            size=size,
            sha256=sha256,
            touched_at=time.time(),
        )
        if sha256 is not None and self._knows(sha256, size):
            upload = upload.model_copy(update={"offset": size, "digest": sha256})
        else:
            self._make_room(size)
            self._part(upload.id).touch(exist_ok=False)
        self.note(upload)
        return upload

    def get(self, upload_id: str) -> Upload:
        """Raises NotFound for one that never was, was aborted, or was abandoned a day ago."""
        if not _ID.fullmatch(upload_id):
            raise _gone()
        try:
            upload = Upload.model_validate_json(self._record(upload_id).read_bytes())
        except (FileNotFoundError, ValidationError):
            raise _gone() from None
        if upload.touched_at < time.time() - ABANDONED:
            raise _gone()
        return upload

    @contextmanager
    def append(self, upload_id: str, offset: int) -> Iterator["Appending"]:
        """Goes on at `offset`. What was written stays, however the block is left.

        Raises Conflict if the upload is elsewhere, or is being written by somebody else.
        """
        upload = self.get(upload_id)
        if upload.digest is not None:
            _check_offset(upload, offset)
            yield Appending(self, upload, None)
            return
        with self._locked(upload_id) as file:
            upload = self.get(upload_id)
            _check_offset(upload, offset)
            # Bytes after the last durable state may be anything after a crash.
            file.truncate(upload.offset)
            file.seek(upload.offset)
            appending = Appending(self, upload, file)
            try:
                yield appending
            finally:
                appending.note()

    def finish(self, upload: Upload) -> Upload:
        """Turns the complete bytes into a dataset. One whose digest is another one than was said is removed."""
        try:
            digest = self._store.adopt(self._part(upload.id), upload.name, upload.sha256)
        except InvalidRequest:
            self._remove(upload.id)
            raise
        done = upload.model_copy(update={"digest": digest, "touched_at": time.time()})
        self.note(done)
        return done

    def abort(self, upload_id: str) -> None:
        upload = self.get(upload_id)
        if upload.digest is None:
            with self._locked(upload_id):
                self._remove(upload_id)
        else:
            self._remove(upload_id)

    def sweep(self) -> None:
        """Removes what nobody went on with for a day."""
        for file in self._folder.glob("*"):
            with suppress(FileNotFoundError):  # another process sweeps too
                if file.stat().st_mtime < time.time() - ABANDONED:
                    file.unlink()

    def _knows(self, digest: str, size: int) -> bool:
        try:
            return self._store.info(digest).size == size
        except NotFound:
            return False

    def _make_room(self, size: int) -> None:
        under_way = [self.get(part.stem) for part in self._folder.glob("*.part") if self._has(part)]
        if len(under_way) >= self._most:
            raise ResourceExhausted(
                f"{self._most} uploads are under way already",
                reason="TOO_MANY_UPLOADS",
                retry_after=60,
            )
        promised = sum(upload.size - upload.offset for upload in under_way)
        space.check(self._folder, size + promised, self._store.reserve)

    def _has(self, part: Path) -> bool:
        return self._record(part.stem).is_file()

    @contextmanager
    def _locked(self, upload_id: str) -> Iterator[FileIO]:
        try:
            # Unbuffered: after "disk full" there must be nothing left that closing would write.
            file = open(self._part(upload_id), "r+b", buffering=0)  # noqa: SIM115  closed below
        except FileNotFoundError:
            raise _gone() from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    "the upload is being written by somebody else", reason="UPLOAD_BUSY"
                ) from None
            yield file

    def note(self, upload: Upload) -> None:
        with space.explained():
            write_json(self._record(upload.id), upload.model_dump(mode="json"))

    def _remove(self, upload_id: str) -> None:
        self._record(upload_id).unlink(missing_ok=True)
        self._part(upload_id).unlink(missing_ok=True)
        fsync_dir(self._folder)

    def _part(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.part"

    def _record(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.json"


class Appending:
    """One stretch of an upload, written by its only writer."""

    def __init__(self, uploads: Uploads, upload: Upload, file: FileIO | None) -> None:
        self._uploads = uploads
        self._file = file
        self._written = upload.offset
        self.upload = upload

    @property
    def left(self) -> int:
        """How many bytes may still come."""
        return self.upload.size - self._written

    def write(self, chunk: bytes) -> None:
        """Raises InvalidRequest, and keeps what came before, if more come than were announced."""
        if len(chunk) > self.left:
            raise self.overrun(len(chunk))
        if self._file is None:
            return  # complete, so that there is nothing to write
        with space.explained():
            write_all(self._file, chunk)
        self._written += len(chunk)
        if self._written - self.upload.offset >= _NOTED_EVERY:
            self.note()

    def overrun(self, more: int) -> InvalidRequest:
        return InvalidRequest.of(
            "body",
            "holds more than was announced",
            expected=f"{self.upload.size} bytes in all",
            received=f"at least {self._written + more}",
            reason="UPLOAD_OVERRUN",
        )

    def note(self) -> None:
        """Makes what has come durable, first the bytes and then the offset; the last byte ends the upload."""
        if self._file is None or self.upload.digest is not None:
            return
        with space.explained():
            os.fsync(self._file.fileno())
        if self._written != self.upload.offset:
            self.upload = self.upload.model_copy(
                update={"offset": self._written, "touched_at": time.time()}
            )
            self._uploads.note(self.upload)

    def finish(self) -> Upload:
        """Answers the state after what was written; with the digest, if all bytes have come."""
        self.note()
        if self._file is not None and self.left == 0 and self.upload.digest is None:
            self.upload = self._uploads.finish(self.upload)
        return self.upload


def _gone() -> NotFound:
    return NotFound("there is no such upload (any more)", reason="UPLOAD_NOT_FOUND")


def _check_offset(upload: Upload, offset: int) -> None:
    if offset != upload.offset:
        raise Conflict(
            f"the upload goes on at {upload.offset}",
            reason="OFFSET_MISMATCH",
            violations=(
                Violation(
                    "Upload-Offset", "is not where the upload is", str(upload.offset), str(offset)
                ),
            ),
        )
