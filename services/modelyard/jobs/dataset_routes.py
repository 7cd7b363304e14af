"""Datasets over HTTP: upload once, name by content ever after."""

import tempfile
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from modelyard.dataset_store import DatasetStore
from modelyard.jobs.problems import too_large

IN_MEMORY = 1024 * 1024


def dataset_routes(datasets: DatasetStore, limit: int) -> APIRouter:
    routes = APIRouter(prefix="/v1/datasets", tags=["datasets"])

    @routes.post("", status_code=201)
    async def upload(
        request: Request, filename: Annotated[str, Query(max_length=255)] = ""
    ) -> dict[str, Any]:
        """Keeps the body as it is. The same bytes are stored once, and have the same digest."""
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as spooled:
            size = await _receive(request, spooled, limit)
            spooled.seek(0)
            digest = await run_in_threadpool(datasets.put, spooled, limit=limit, name=filename)
        return {"digest": digest, "uri": f"dataset://{digest}", "bytes": size}

    @routes.get("")
    def list_datasets() -> dict[str, Any]:
        return {"datasets": datasets.list()}

    return routes


async def _receive(request: Request, into: IO[bytes], limit: int) -> int:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        await run_in_threadpool(into.write, chunk)
    return size
