"""A zip archive of a folder of images, in which each class has a folder of its own."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING, Literal

from modelyard.datasets import source as sources
from modelyard.datasets.source import Source
from modelyard.spec import Spec

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.examples import Examples, Schema


class ImageFolder(Spec):
    """`pets.zip` with `cat/1.jpg`, `dog/7.png` …: the columns `image` and `label`, sorted by name."""

    type: Literal["image_folder"] = "image_folder"
    source: Source

    def open(self, store: DatasetStore) -> Examples:
        from modelyard.datasets import labelled_files  # NumPy; requests are read without it

        return labelled_files.read(sources.locate(self.source, store), self._title(store))

    def schema(self, store: DatasetStore) -> Schema:  # type: ignore[override]  # pydantic has given the name up
        from modelyard.datasets import labelled_files  # as above

        return labelled_files.schema(sources.locate(self.source, store), self._title(store))

    def digest(self, store: DatasetStore) -> str:
        return sources.digest(self.source, store)

    def _title(self, store: DatasetStore) -> str:
        return sources.title(self.source, store)
