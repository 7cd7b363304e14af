"""One JSON object a line; its keys are the columns."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING, Literal

from modelyard.datasets import source as sources
from modelyard.datasets.source import Source
from modelyard.spec import Spec

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.examples import Examples, Schema


class JSONL(Spec):
    """Values are numbers, true and false, texts, or null where one is missing. Empty lines are skipped."""

    type: Literal["jsonl"] = "jsonl"
    source: Source

    def open(self, store: DatasetStore) -> Examples:
        from modelyard.datasets import json_lines  # NumPy; requests are read without it

        return json_lines.read(sources.locate(self.source, store), self._title(store))

    def schema(self, store: DatasetStore) -> Schema:  # type: ignore[override]  # pydantic has given the name up
        from modelyard.datasets import json_lines  # as above

        return json_lines.schema(sources.locate(self.source, store), self._title(store))

    def digest(self, store: DatasetStore) -> str:
        return sources.digest(self.source, store)

    def _title(self, store: DatasetStore) -> str:
        return sources.title(self.source, store)
