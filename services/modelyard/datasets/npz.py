"""NumPy's archive of named arrays; the first dimension of each is the example."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING, Literal

from modelyard.datasets import source as sources
from modelyard.datasets.source import Source
from modelyard.spec import Spec

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.datasets.summary import Summary
    from modelyard.examples import Examples, Schema


class NPZ(Spec):
    """Numbers, texts (`U`) and bytes (`S`) of any shape. Pickled objects are refused."""

    type: Literal["npz"] = "npz"
    source: Source

    def open(self, store: DatasetStore) -> Examples:
        from modelyard.datasets import archive, inspection  # NumPy; requests are read without it

        inspection.summary(self, store)  # refuses what must not be read into memory
        return archive.read(*sources.file(self.source, store))

    def head(self, store: DatasetStore, rows: int) -> Examples:
        from modelyard.datasets import archive  # as above

        return archive.head(*sources.file(self.source, store), rows)

    def schema(self, store: DatasetStore) -> Schema:  # type: ignore[override]  # pydantic has given the name up
        from modelyard.datasets import inspection  # as above

        return inspection.summary(self, store).schema()

    def summarise(self, store: DatasetStore) -> Summary:
        from modelyard.datasets import archive  # as above

        return archive.summarise(*sources.file(self.source, store))

    def digest(self, store: DatasetStore) -> str:
        return sources.digest(self.source, store)
