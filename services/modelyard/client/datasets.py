"""Datasets: sent once, named by their content; and the steps to send, look into and remove them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from modelyard.client import http
from modelyard.client.errors import ApiError, Conflict, InvalidRequest
from modelyard.client.retrying import Options, backoff
from modelyard.client.steps import Emit, Pause, Send, Steps, Work

PART = 8 * 1024 * 1024
"""Bytes of one request of an upload; a file that is larger is sent in parts, each of which can be repeated."""
_BUILTIN = "builtin://"
_BINARY = {"Content-Type": "application/octet-stream"}
_STALLS = 5  # parts in a row that may fail without a byte of progress, each with its own retries

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes of the file."""


@dataclass(frozen=True)
class UploadedDataset:
    digest: str
    uri: str
    """What a request names it by: `dataset://<digest>`."""
    bytes: int
    suggested: Mapping[str, Any] = field(default_factory=dict)
    """How the `dataset` of a request could read it, such as `{"type": "csv", "delimiter": "tab"}`."""


@dataclass(frozen=True)
class Dataset:
    """`raw` is the whole answer of the service, with `used_by` where one dataset was asked for."""

    digest: str
    """Empty for one that is built in."""
    name: str
    bytes: int
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def uri(self) -> str:
        """What a request names it by."""
        return f"dataset://{self.digest}" if self.digest else str(self.raw["uri"])

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Dataset":
        size = raw.get("bytes", raw.get("size", 0))
        return cls(str(raw.get("digest") or ""), str(raw.get("name") or ""), int(size or 0), raw)


@dataclass(frozen=True)
class Column:
    """`classes` counts its values where there are few; `min`, `max` and `mean` are of numbers."""

    name: str
    kind: str
    shape: tuple[int, ...]
    missing: int | None
    distinct: int | None
    classes: Mapping[str, int] | None
    min: float | None
    max: float | None
    mean: float | None


@dataclass(frozen=True)
class Schema:
    rows: int | None
    columns: tuple[Column, ...]
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Schema":
        return cls(raw.get("rows"), tuple(map(_column, raw["columns"])), raw)


def upload(
    options: Options, path: Path | str, progress: Progress | None = None
) -> Steps[UploadedDataset]:
    """The same bytes are stored once, so sending a file again is harmless."""
    file = Path(path)
    size: int = yield Work(lambda: _size(file))
    if size <= PART:
        content: bytes = yield Work(lambda: _read(file, 0))
        params = {"filename": file.name}
        send = Send("POST", "/v1/datasets", params, content=content, headers=_BINARY)
        answer = yield from http.call(options, send)
    else:
        answer = yield from _upload_in_parts(options, file, size, progress)
    if progress is not None:
        progress(size, size)
    suggested = dict(answer.get("suggested") or {})
    return UploadedDataset(answer["digest"], answer["uri"], int(answer["bytes"]), suggested)


def _upload_in_parts(
    options: Options, file: Path, size: int, progress: Progress | None
) -> Steps[Mapping[str, Any]]:
    digest: str = yield Work(lambda: _sha256(file))
    wanted = {"filename": file.name, "bytes": size, "sha256": digest}
    begun = yield from http.call(options, Send("POST", "/v1/uploads", json=wanted))
    path = f"/v1/uploads/{http.part(begun['id'])}"
    offset, stalls = 0, 0
    answer: Mapping[str, Any] = begun
    while "digest" not in answer:
        if progress is not None:
            progress(offset, size)
        content: bytes = yield Work(partial(_read, file, offset))
        try:
            headers = _BINARY | {"Upload-Offset": str(offset)}
            send = Send("PATCH", path, content=content, headers=headers)
            answer = yield from http.call(options, send, safe=False)
        except ApiError as error:
            # What arrived of a part is only known to the service, so it is asked where to go on.
            if not (error.retryable or isinstance(error, Conflict)) or stalls >= _STALLS:
                raise
            yield Pause(backoff(stalls, error.retry_after))
            answer = yield from http.get(options, path)
        reached = int(answer.get("offset", size))
        stalls = 0 if reached > offset else stalls + 1
        offset = reached
    return answer


def all_of(options: Options) -> Steps[None]:
    answer = yield from http.get(options, "/v1/datasets")
    for raw in answer["datasets"]:
        yield Emit(Dataset.of(raw))


def builtin(options: Options) -> Steps[None]:
    answer = yield from http.get(options, "/v1/datasets/builtin")
    for raw in answer["datasets"]:
        yield Emit(Dataset.of(raw))


def get(options: Options, dataset: str) -> Steps[Dataset]:
    return Dataset.of((yield from http.get(options, _path(dataset))))


def schema(
    options: Options, dataset: str, type: str | None, delimiter: str | None
) -> Steps[Schema]:
    params = {"type": type, "delimiter": delimiter}
    return Schema.of((yield from http.get(options, f"{_path(dataset)}/schema", params)))


def preview(
    options: Options, dataset: str, rows: int, type: str | None, delimiter: str | None
) -> Steps[tuple[Mapping[str, Any], ...]]:
    params = {"rows": rows, "type": type, "delimiter": delimiter}
    answer = yield from http.get(options, f"{_path(dataset)}/preview", params)
    return tuple(answer["rows"])


def delete(options: Options, dataset: str, force: bool) -> Steps[None]:
    params = {"force": "true"} if force else {}
    yield from http.call(options, Send("DELETE", _path(dataset), params), safe=False)


def _path(dataset: str) -> str:
    """Of a digest, `dataset://<digest>` or `builtin://<name>`."""
    if dataset.startswith(_BUILTIN):
        return f"/v1/datasets/builtin/{http.part(dataset.removeprefix(_BUILTIN))}"
    return f"/v1/datasets/{http.part(dataset.removeprefix('dataset://'))}"


def _column(raw: Mapping[str, Any]) -> Column:
    return Column(
        name=str(raw["name"]),
        kind=str(raw.get("kind") or ""),
        shape=tuple(raw.get("shape") or ()),
        missing=raw.get("missing"),
        distinct=raw.get("distinct"),
        classes=raw.get("classes"),
        min=raw.get("min"),
        max=raw.get("max"),
        mean=raw.get("mean"),
    )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise _unreadable(file, error) from error


def _read(file: Path, offset: int) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            return opened.read(PART)
    except OSError as error:
        raise _unreadable(file, error) from error


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(f"cannot read {file}: {error}", reason="NO_SUCH_FILE")
