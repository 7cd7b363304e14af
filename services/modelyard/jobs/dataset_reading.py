"""How a dataset is to be read, as query parameters say it."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from modelyard.datasets import Dataset
from modelyard.errors import InvalidRequest

_DATASET: TypeAdapter[Dataset] = TypeAdapter(Dataset)


class Reading(BaseModel):
    """The fields of `dataset` in a request. Without `type` all of them are guessed from the file."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    type: Literal["csv", "jsonl", "npz", "image_folder", "parquet"] | None = None
    delimiter: Annotated[str, Field(max_length=9)] | None = None
    header: bool | None = None
    columns: Annotated[list[str], Field(max_length=10_000)] | None = None
    missing: Annotated[list[str], Field(max_length=20)] | None = None
    encoding: str | None = None
    kinds: Annotated[list[str], Field(max_length=10_000)] = []
    """`column:number` or `column:text`, any number of times."""

    def dataset(self, source: str, suggested: dict[str, Any] | None) -> Dataset:
        """Raises InvalidRequest if nothing is known of the format, RequestValidationError for wrong fields."""
        if self.type is None and suggested is None:
            raise InvalidRequest.of(
                "type",
                "the format cannot be guessed from the file",
                expected="csv, jsonl, npz, image_folder or parquet",
                reason="UNKNOWN_FORMAT",
            )
        guessed = suggested if self.type is None else {}
        given = self.model_dump(
            include={"type", "delimiter", "header", "columns", "missing", "encoding"},
            exclude_none=True,
        )
        fields = {**(guessed or {}), **given, "source": source}
        if self.kinds:
            fields["kinds"] = dict(self._kinds())
        try:
            return _DATASET.validate_python(fields)
        except ValidationError as error:
            raise RequestValidationError(error.errors(), body=fields) from None

    def _kinds(self) -> Iterator[tuple[str, str]]:
        for pair in self.kinds:
            column, colon, kind = pair.rpartition(":")
            if not colon or kind not in ("number", "text"):
                raise InvalidRequest.of(
                    "kinds", "is no kind of a column", expected="column:number", received=pair
                )
            yield column, kind


class Preview(Reading):
    rows: Annotated[int, Field(ge=1, le=100)] = 20
