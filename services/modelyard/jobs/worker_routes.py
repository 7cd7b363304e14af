"""The workers over HTTP."""

import time
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from modelyard.job import Time
from modelyard.job_store import JobStore

LOST_SECONDS = 15.0
"""A worker that was silent for this long is called lost: it says every two seconds that it is there."""


class Worker(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")

    name: str
    state: Literal["busy", "idle", "lost"]
    seen_at: Time
    """When it last said that it is there."""
    queue: str = ""
    device: str = ""
    job: str = ""
    """What it works on; empty if it is idle."""
    stopping: bool = False
    """It takes no further jobs."""


class Workers(BaseModel):
    workers: list[Worker]


def worker_routes(store: JobStore) -> APIRouter:
    routes = APIRouter(prefix="/v1/workers", tags=["workers"])

    @routes.get("")
    def list_workers() -> Workers:
        """List the workers.

        Those that said lately that they are there, and what they do. One that stays silent is `lost`, and
        forgotten after ten minutes.
        """
        now = time.time()
        return Workers(workers=[_worker(n, w, now) for n, w in sorted(store.workers().items())])

    return routes


def _worker(name: str, told: dict[str, Any], now: float) -> Worker:
    status = told["status"]
    is_lost = now - told["seen"] > LOST_SECONDS
    state = "lost" if is_lost else "busy" if status.get("job") else "idle"
    return Worker.model_validate({**status, "name": name, "state": state, "seen_at": told["seen"]})
