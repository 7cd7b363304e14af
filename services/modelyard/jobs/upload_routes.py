"""Uploads that may be interrupted: begin, send a piece after the other, ask where to go on."""

from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from modelyard.dataset_store import Appending, DatasetStore, Upload, Uploads
from modelyard.errors import Conflict
from modelyard.jobs.dataset_routes import stored
from modelyard.jobs.json_body import JsonRoute
from modelyard.jobs.problems import problem, too_large
from modelyard.jobs.request_body import declared_length, pieces
from modelyard.settings import JobsSettings
from modelyard.spec import Spec


class NewUpload(Spec):
    filename: Annotated[str, Field(max_length=255)] = ""
    """For people and messages."""
    bytes: Annotated[int, Field(ge=1, le=2**63 - 1)]
    """How many there will be."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """What they come to. Bytes that are known already need not be sent; others are refused at the end."""


def upload_routes(settings: JobsSettings, datasets: DatasetStore) -> APIRouter:
    routes = APIRouter(prefix="/v1/uploads", tags=["datasets"], route_class=JsonRoute)
    uploads = Uploads(datasets, most=settings.max_uploads)

    def answer(upload: Upload, response: Response) -> dict[str, Any]:
        response.headers["Upload-Offset"] = str(upload.offset)
        response.headers["Cache-Control"] = "no-store"
        state = {"id": upload.id, "offset": upload.offset, "bytes": upload.size}
        if upload.digest is None:
            return state
        return state | stored(datasets, upload.digest, upload.name)

    @routes.post("", status_code=201)
    def create(body: NewUpload, response: Response) -> dict[str, Any]:
        """Answers the id under which pieces are sent. What nobody goes on with for 24 hours is removed."""
        if body.bytes > settings.max_dataset_bytes:
            raise too_large(settings.max_dataset_bytes, field="bytes")
        upload = uploads.create(body.filename, body.bytes, body.sha256)
        response.headers["Location"] = f"/v1/uploads/{upload.id}"
        return answer(upload, response)

    @routes.get("/{upload_id}")
    def get_upload(upload_id: str, response: Response) -> dict[str, Any]:
        """Where to go on; with the digest, once all bytes have come."""
        return answer(uploads.get(upload_id), response)

    @routes.head("/{upload_id}")
    def head_upload(upload_id: str, response: Response) -> None:
        answer(uploads.get(upload_id), response)

    @routes.patch("/{upload_id}", response_model=None)
    async def append(
        upload_id: str,
        request: Request,
        response: Response,
        offset: Annotated[int, Header(alias="Upload-Offset", ge=0)],
    ) -> dict[str, Any] | Response:
        """Goes on with the body. What has come of it is kept, even if it breaks off."""
        opened = uploads.append(upload_id, offset)
        try:
            appending = await run_in_threadpool(opened.__enter__)
        except Conflict as error:
            return _conflict(error, uploads.get(upload_id), request)
        try:
            upload = await _receive(appending, request, settings.upload_idle_seconds)
        finally:
            # A client that has left must not leave a lock, or bytes without their offset.
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(opened.__exit__, None, None, None)
        return await run_in_threadpool(answer, upload, response)

    @routes.delete("/{upload_id}", status_code=204)
    def abort(upload_id: str) -> Response:
        """Removes what has come; a dataset that is complete stays."""
        uploads.abort(upload_id)
        return Response(status_code=204)

    return routes


async def _receive(appending: Appending, request: Request, idle_seconds: float) -> Upload:
    if declared_length(request) > appending.left:
        raise appending.overrun(declared_length(request))
    async for piece in pieces(request, idle_seconds):
        await run_in_threadpool(appending.write, piece)
    return await run_in_threadpool(appending.finish)


def _conflict(error: Conflict, upload: Upload, request: Request) -> Response:
    """Says in a header where the upload is, as its other answers do."""
    response = problem(error, request.state.id)
    response.headers["Upload-Offset"] = str(upload.offset)
    return response
