"""A zip or tar archive of a folder of images, in which each class has a folder of its own."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING, Literal

from modelyard.datasets import source as sources
from modelyard.datasets.source import Source
from modelyard.spec import Spec

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.datasets.summary import Summary
    from modelyard.examples import Examples, Schema


class ImageFolder(Spec):
    """`pets.zip`, `pets.tar` or `pets.tar.gz` with `cat/1.jpg`, `dog/7.png` …: the columns `image` and `label`, sorted by name."""

    type: Literal["image_folder"] = "image_folder"
    source: Source

    def open(self, store: DatasetStore) -> Examples:
        from modelyard.datasets import (  # NumPy; requests are read without it
            inspection,
            labelled_files,
        )

        inspection.summary(self, store)  # refuses what must not be read into memory
        return labelled_files.read(*sources.file(self.source, store))

    def head(self, store: DatasetStore, rows: int) -> Examples:
        from modelyard.datasets import labelled_files  # as above

        return labelled_files.head(*sources.file(self.source, store), rows)

    def schema(self, store: DatasetStore) -> Schema:  # type: ignore[override]  # pydantic has given the name up
        from modelyard.datasets import inspection  # as above

        return inspection.summary(self, store).schema()

    def summarise(self, store: DatasetStore) -> Summary:
        from modelyard.datasets import labelled_files  # as above

        return labelled_files.summarise(*sources.file(self.source, store))

    def digest(self, store: DatasetStore) -> str:
        return sources.digest(self.source, store)
