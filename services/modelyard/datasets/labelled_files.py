"""Reads images out of a zip or tar archive; a file's folder is its label. Nothing is written to disk."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelyard.datasets import member_names, packed, tally, tarred
from modelyard.datasets.summary import ColumnSummary, Summary
from modelyard.errors import BadData, Violation
from modelyard.examples import Examples

_IMAGES = {".jpg", ".jpeg", ".png", ".gif", ".bmp"}
_LEFT_BY_SYSTEMS = {"__MACOSX", "Thumbs.db", "desktop.ini", ".DS_Store"}
_LARGEST = 64 * 1024 * 1024
"""Bytes of one image."""


class _File(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def read(self) -> bytes: ...


@dataclass(frozen=True)
class _Zipped:
    """A file of a zip archive."""

    name: str
    size: int
    _archive: Any

    def read(self) -> bytes:
        content: bytes = self._archive.read(self.name)
        return content


def summarise(path: Path, title: str) -> Summary:
    """Told by the names alone."""
    with _files(path, title) as files:
        names = _checked([(file.name, file.size) for file in files], title)
    labels = Counter(_path(name).parent.name for name in names)
    classes = tally.classes(labels)
    label = ColumnSummary("text", distinct=len(labels), classes=classes)
    return Summary(len(names), {"image": ColumnSummary("bytes"), "label": label})


def read(path: Path, title: str) -> Examples:
    """All images, still encoded, sorted by name. Raises BadData naming the files that are none."""
    with _files(path, title) as files:
        found = {file.name: _content(file, title) for file in _in_order(files, title)}
    return _examples({name: found[name] for name in sorted(found)}, title)


def head(path: Path, title: str, rows: int) -> Examples:
    """The first images in the order of the archive."""
    with _files(path, title) as files:
        found = {file.name: _content(file, title) for file in islice(files, rows)}
    _checked([(name, len(content)) for name, content in found.items()], title)
    return _examples(found, title)


def _examples(found: dict[str, bytes], title: str) -> Examples:
    labels = [_path(name).parent.name for name in found]
    columns = {"image": _objects(list(found.values())), "label": _objects(labels)}
    return Examples(columns, title, first_line=0, names=_objects(list(found)))


def _in_order(files: Iterable[_File], title: str) -> Iterator[_File]:
    """The files as they come, if all of them belong; a tar's are known only when they have passed."""
    seen = []
    for file in files:
        seen.append((file.name, file.size))
        yield file
    _checked(seen, title)


def _content(file: _File, title: str) -> bytes:
    # Before it is read: a file that does not belong must not cost memory.
    BadData.refuse(_strangers([(file.name, file.size)], title))
    return file.read()


@contextmanager
def _files(path: Path, title: str) -> Iterator[Iterator[_File]]:
    """The files that people put there, as opposed to their systems."""
    with open(path, "rb") as file:
        is_zip = file.read(2) == b"PK"
    if not is_zip:
        yield (member for member in tarred.members(path, title) if _is_meant(member.name))
        return
    with packed.opened(path, title) as archive:
        yield (
            _Zipped(member.filename, member.file_size, archive)
            for member in archive.infolist()
            if not member.is_dir() and _is_meant(member.filename)
        )


def _is_meant(name: str) -> bool:
    return _LEFT_BY_SYSTEMS.isdisjoint(_path(name).parts)


def _checked(files: Sequence[tuple[str, int]], title: str) -> list[str]:
    """The names, sorted. Raises BadData unless all are images in folders."""
    BadData.refuse(_strangers(files, title))
    if not files:
        raise BadData.of(title, "the archive holds no images")
    names = [name for name, _ in files]
    member_names.check_once(names, title)
    return sorted(names)


def _strangers(files: Sequence[tuple[str, int]], title: str) -> Iterator[Violation]:
    for name, size in files:
        where, path = f"{title}/{name}", _path(name)
        if path.suffix.lower() not in _IMAGES:
            yield Violation(
                where, "is no image", ", ".join(sorted(_IMAGES)), path.suffix or path.name
            )
        elif not path.parent.name:
            yield Violation(where, "lies in no folder that names its class", "class/image.png")
        elif size > _LARGEST:
            yield Violation(where, "the image is too large", f"at most {_LARGEST} bytes", str(size))


def _path(name: str) -> PurePosixPath:
    """Looked at for its parts; never opened."""
    return PurePosixPath(name)


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
