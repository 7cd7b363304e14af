"""One JSON object a line; its keys are the columns."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelyard.datasets import source as sources
from modelyard.datasets.source import Kinds, Source
from modelyard.spec import Spec

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.datasets.summary import Summary
    from modelyard.examples import Examples, Schema


class JSONL(Spec):
    """Values are numbers, true and false, texts, or null where one is missing. Empty lines are skipped."""

    type: Literal["jsonl"] = "jsonl"
    source: Source
    kinds: Kinds = Field(default={})
    """What columns hold, where it is not to be inferred: `zip: text` for numbers that name things."""

    def open(self, store: DatasetStore) -> Examples:
        from modelyard.datasets import inspection, json_lines  # NumPy; requests are read without it

        found = inspection.summary(self, store)
        return json_lines.read(*sources.file(self.source, store), found)

    def head(self, store: DatasetStore, rows: int) -> Examples:
        from modelyard.datasets import json_lines  # as above

        return json_lines.head(self, *sources.file(self.source, store), rows)

    def schema(self, store: DatasetStore) -> Schema:  # type: ignore[override]  # pydantic has given the name up
        from modelyard.datasets import inspection  # as above

        return inspection.summary(self, store).schema()

    def summarise(self, store: DatasetStore) -> Summary:
        from modelyard.datasets import json_lines  # as above

        return json_lines.summarise(self, *sources.file(self.source, store))

    def digest(self, store: DatasetStore) -> str:
        return sources.digest(self.source, store)
