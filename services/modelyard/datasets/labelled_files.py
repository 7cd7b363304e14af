"""Reads images out of a zip archive; a file's folder is its label. Nothing is written to disk."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard import examples
from modelyard.datasets import packed
from modelyard.errors import BadData, Violation
from modelyard.examples import Column, Examples, Schema

_IMAGES = {".jpg", ".jpeg", ".png", ".gif", ".bmp"}
_LEFT_BY_SYSTEMS = {"__MACOSX", "Thumbs.db", "desktop.ini", ".DS_Store"}


def read(path: Path, title: str) -> Examples:
    """All images, still encoded. Raises BadData naming the files that are none."""
    with packed.opened(path, title) as archive:
        files = _files(archive, title)
        images = [archive.read(file) for file in files]
    columns = {"image": _objects(images), "label": _labels(files)}
    return Examples(columns, title, first_line=0, names=_objects([f.filename for f in files]))


def schema(path: Path, title: str) -> Schema:
    """Told by the names alone."""
    with packed.opened(path, title) as archive:
        files = _files(archive, title)
    classes = examples.classes(_labels(files))
    columns = {"image": Column("bytes"), "label": Column("text", classes=classes)}
    return Schema(columns, len(files))


def _files(archive: zipfile.ZipFile, title: str) -> list[zipfile.ZipInfo]:
    files = [
        f
        for f in archive.infolist()
        if not f.is_dir() and _LEFT_BY_SYSTEMS.isdisjoint(_path(f).parts)
    ]
    BadData.refuse(_strangers(files, title))
    if not files:
        raise BadData.of(title, "the archive holds no images")
    return sorted(files, key=lambda file: file.filename)


def _strangers(files: Sequence[zipfile.ZipInfo], title: str) -> Iterator[Violation]:
    for file in files:
        where, path = f"{title}/{file.filename}", _path(file)
        if path.suffix.lower() not in _IMAGES:
            yield Violation(
                where, "is no image", ", ".join(sorted(_IMAGES)), path.suffix or path.name
            )
        elif not path.parent.name:
            yield Violation(where, "lies in no folder that names its class", "class/image.png")


def _labels(files: Sequence[zipfile.ZipInfo]) -> NDArray[np.object_]:
    return _objects([_path(file).parent.name for file in files])


def _path(file: zipfile.ZipInfo) -> PurePosixPath:
    """Looked at for its parts; never opened."""
    return PurePosixPath(file.filename)


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
