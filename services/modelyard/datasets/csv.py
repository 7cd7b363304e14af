"""Delimited text: one example a line, named columns."""

from __future__ import annotations  # NumPy is named here, but requests are read without it

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from modelyard.datasets import source as sources
from modelyard.datasets.source import Kinds, Name, Source
from modelyard.spec import Spec

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.datasets.summary import Summary
    from modelyard.examples import Examples, Schema

DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "space": " "}


class CSV(Spec):
    """A column whose values are all numbers, or empty, is one of numbers (empty is NaN); others are text."""

    type: Literal["csv"] = "csv"
    source: Source
    delimiter: Annotated[str, Field(max_length=9)] = "comma"
    """comma, tab, semicolon, pipe, space, or the character itself."""
    header: bool = True
    """Whether the first line names the columns."""
    columns: Annotated[tuple[Name, ...], Field(min_length=1, max_length=10_000)] | None = None
    """The names of the columns, where there is no header."""
    missing: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=20)] = ()
    """Cells that stand for a missing value, beside the empty one: such as NA or ?."""
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    kinds: Kinds = Field(default={})
    """What columns hold, where it is not to be inferred: `zip: text`, or `age: number`, which refuses the rows that hold none."""

    @field_validator("delimiter")
    @classmethod
    def _known_delimiter(cls, value: str) -> str:
        if value not in DELIMITERS and (len(value) != 1 or value in '"\r\n\0'):
            raise ValueError(f"one of {', '.join(DELIMITERS)}, or one character")
        return value

    @field_validator("columns")
    @classmethod
    def _named_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is not None and len(set(names)) < len(names):
            raise ValueError("every column needs a name of its own")
        return names

    @property
    def delimiter_character(self) -> str:
        return DELIMITERS.get(self.delimiter, self.delimiter)

    def open(self, store: DatasetStore) -> Examples:
        from modelyard.datasets import delimited, inspection  # NumPy; requests are read without it

        found = inspection.summary(self, store)
        return delimited.read(self, *sources.file(self.source, store), found)

    def head(self, store: DatasetStore, rows: int) -> Examples:
        from modelyard.datasets import delimited  # as above

        return delimited.head(self, *sources.file(self.source, store), rows)

    def schema(self, store: DatasetStore) -> Schema:  # type: ignore[override]  # pydantic has given the name up
        from modelyard.datasets import inspection  # as above

        return inspection.summary(self, store).schema()

    def summarise(self, store: DatasetStore) -> Summary:
        from modelyard.datasets import delimited  # as above

        return delimited.summarise(self, *sources.file(self.source, store))

    def digest(self, store: DatasetStore) -> str:
        return sources.digest(self.source, store)
