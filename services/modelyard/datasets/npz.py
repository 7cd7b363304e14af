"""NumPy's archive of named arrays; the first dimension of each is the example."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING, Literal

from modelyard.datasets import source as sources
from modelyard.datasets.source import Source
from modelyard.spec import Spec

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.examples import Examples, Schema


class NPZ(Spec):
    """Numbers, texts (`U`) and bytes (`S`) of any shape. Pickled objects are refused."""

    type: Literal["npz"] = "npz"
    source: Source

    def open(self, store: DatasetStore) -> Examples:
        from modelyard.datasets import archive  # NumPy; requests are read without it

        return archive.read(sources.locate(self.source, store), self._title(store))

    def schema(self, store: DatasetStore) -> Schema:  # type: ignore[override]  # pydantic has given the name up
        from modelyard.datasets import archive  # as above

        return archive.schema(sources.locate(self.source, store), self._title(store))

    def digest(self, store: DatasetStore) -> str:
        return sources.digest(self.source, store)

    def _title(self, store: DatasetStore) -> str:
        return sources.title(self.source, store)
