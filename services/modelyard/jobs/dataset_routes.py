"""Datasets over HTTP: upload once, name by content ever after; look into them, and remove what nobody uses."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from modelyard import logs
from modelyard.dataset_store import DatasetStore, StoredDataset
from modelyard.datasets.suggestion import suggest
from modelyard.jobs.dataset_usage import DatasetUsage
from modelyard.jobs.dataset_views import dataset_views
from modelyard.jobs.problems import too_large
from modelyard.jobs.request_body import Slots, declared_length, pieces
from modelyard.settings import JobsSettings

log = logs.get(__name__)


def dataset_routes(
    settings: JobsSettings, datasets: DatasetStore, usage: DatasetUsage
) -> APIRouter:
    routes = APIRouter(prefix="/v1/datasets", tags=["datasets"])
    slots = Slots(settings.max_uploads)

    @routes.post("", status_code=201)
    async def upload(
        request: Request, filename: Annotated[str, Query(max_length=255)] = ""
    ) -> dict[str, Any]:
        """Keeps the body as it is. The same bytes are stored once, and have the same digest."""
        limit = settings.max_dataset_bytes
        declared = declared_length(request)
        if declared > limit:
            raise too_large(limit)
        with slots, datasets.receive(declared=declared) as incoming:
            async for piece in pieces(request, settings.upload_idle_seconds):
                if incoming.size + len(piece) > limit:
                    raise too_large(limit)
                await run_in_threadpool(incoming.write, piece)
            digest = await run_in_threadpool(incoming.finish, filename)
        log.info("uploaded", digest=digest, bytes=incoming.size)
        return await run_in_threadpool(stored, datasets, digest, filename)

    @routes.get("")
    def list_datasets() -> dict[str, list[StoredDataset]]:
        """The oldest first."""
        return {"datasets": datasets.list()}

    routes.include_router(dataset_views(datasets))

    @routes.get("/{digest}")
    def get_dataset(digest: str) -> dict[str, Any]:
        """What is known of it, a guess of its format, and who uses it."""
        info = datasets.info(digest)
        using = usage.of(digest)
        return {
            **info.model_dump(),
            **stored(datasets, digest, info.name),
            "used_by": {"jobs": using.jobs, "models": using.models},
        }

    @routes.delete("/{digest}", status_code=204)
    def delete_dataset(digest: str, force: bool = False) -> Response:
        """Refused while a job that has not ended names it, and, unless `force`, while a version was trained on it."""
        datasets.delete(digest, lambda: usage.of(digest).names(lineage=not force))
        log.info("deleted", digest=digest)
        return Response(status_code=204)

    return routes


def stored(datasets: DatasetStore, digest: str, name: str) -> dict[str, Any]:
    """What an upload is answered with."""
    path = datasets.path(digest)
    return {
        "digest": digest,
        "uri": f"dataset://{digest}",
        "bytes": path.stat().st_size,
        "suggested": suggest(path, name),
    }
