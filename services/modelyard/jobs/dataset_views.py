"""Looking into datasets over HTTP: what the columns hold, and the first rows."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from modelyard.dataset_store import DatasetStore
from modelyard.datasets import Dataset
from modelyard.datasets.source import BUILTIN, builtin_file
from modelyard.datasets.suggestion import suggest
from modelyard.errors import NotFound
from modelyard.jobs.dataset_reading import Preview, Reading


def dataset_views(datasets: DatasetStore) -> APIRouter:
    """Below the path of datasets."""
    routes = APIRouter()

    @routes.get("/builtin")
    def list_builtin() -> dict[str, list[dict[str, Any]]]:
        """What the package ships."""
        return {"datasets": [_builtin(name) for name in BUILTIN]}

    @routes.get("/builtin/{name}/schema")
    def builtin_schema(name: str, reading: Annotated[Reading, Query()]) -> dict[str, Any]:
        """As of an uploaded dataset."""
        return _schema(reading.dataset(*_named(name)), datasets)

    @routes.get("/builtin/{name}/preview")
    def builtin_preview(name: str, reading: Annotated[Preview, Query()]) -> dict[str, Any]:
        """As of an uploaded dataset."""
        return _preview(reading.dataset(*_named(name)), datasets, reading.rows)

    @routes.get("/{digest}/schema")
    def get_schema(digest: str, reading: Annotated[Reading, Query()]) -> dict[str, Any]:
        """What every column holds, from one look through the whole dataset, which is remembered."""
        return _schema(reading.dataset(*_uploaded(digest, datasets)), datasets)

    @routes.get("/{digest}/preview")
    def get_preview(digest: str, reading: Annotated[Preview, Query()]) -> dict[str, Any]:
        """The first rows."""
        return _preview(reading.dataset(*_uploaded(digest, datasets)), datasets, reading.rows)

    return routes


def _uploaded(digest: str, datasets: DatasetStore) -> tuple[str, dict[str, Any] | None]:
    """The source, and how it probably is to be read."""
    name = datasets.info(digest).name
    return f"dataset://{digest}", suggest(datasets.path(digest), name)


def _named(name: str) -> tuple[str, dict[str, Any] | None]:
    if name not in BUILTIN:
        raise NotFound(
            f"there is no built-in dataset {name!r}; there are {', '.join(BUILTIN)}",
            reason="DATASET_NOT_FOUND",
        )
    return f"builtin://{name}", suggest(builtin_file(name), BUILTIN[name])


def _builtin(name: str) -> dict[str, Any]:
    source, suggested = _named(name)
    size = builtin_file(name).stat().st_size
    return {"name": name, "uri": source, "bytes": size, "suggested": suggested}


def _schema(dataset: Dataset, datasets: DatasetStore) -> dict[str, Any]:
    from modelyard.datasets import inspection  # NumPy, which the API can start without

    found = inspection.summary(dataset, datasets).json()
    spec = {"type": dataset.type, **dataset.model_dump(exclude_defaults=True)}
    return {"dataset": spec, **found}


def _preview(dataset: Dataset, datasets: DatasetStore, rows: int) -> dict[str, Any]:
    from modelyard.datasets.preview import preview  # as above

    return {"rows": preview(dataset, datasets, rows)}
