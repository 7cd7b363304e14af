"""The jobs API: everything is built here, once, and passed in."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from modelyard import __version__, logs
from modelyard.dataset_store import DatasetStore
from modelyard.job_queue import Doorbell, make_app
from modelyard.job_store import JobStore
from modelyard.jobs import problems
from modelyard.jobs.body_limit import BodyLimit
from modelyard.jobs.dataset_routes import dataset_routes
from modelyard.jobs.dataset_usage import DatasetUsage
from modelyard.jobs.event_feed import EventFeed
from modelyard.jobs.job_routes import job_routes
from modelyard.jobs.metrics import JobsMetrics
from modelyard.jobs.model_routes import model_routes
from modelyard.jobs.reconciler import Reconciler
from modelyard.jobs.upload_routes import upload_routes
from modelyard.journal import Journal
from modelyard.model_store import ModelStore
from modelyard.settings import JobsSettings

_UNLOGGED = ("/metrics", "/healthz/live", "/healthz/ready")

log = logs.get(__name__)


def create_app(settings: JobsSettings) -> FastAPI:
    redis_url = settings.redis_url.get_secret_value()
    store = JobStore(
        redis_url,
        Journal(settings.journal),
        lease_seconds=settings.lease_seconds,
        max_losses=settings.max_losses,
        max_open_jobs=settings.max_open_jobs,
    )
    datasets = DatasetStore(settings.datasets, reserve=settings.min_free_bytes)
    models = ModelStore(settings.models)
    feed = EventFeed(redis_url)
    doorbell = Doorbell(make_app(settings.broker))
    metrics = JobsMetrics(CollectorRegistry(), store)
    reconciler = Reconciler(store, doorbell, metrics, interval=settings.reconcile_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reconciler.start()
        yield
        reconciler.stop()
        await feed.close()
        store.close()

    app = FastAPI(
        title="Modelyard",
        version=__version__,
        summary="From a training request to a served model.",
        lifespan=lifespan,
        docs_url=None,  # the stock page loads its code from elsewhere
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, uploads=settings.max_dataset_bytes)
    _measure(app, metrics)
    problems.install(app)
    app.include_router(job_routes(settings, store, datasets, doorbell, feed, metrics))
    usage = DatasetUsage(store.journal, models)
    app.include_router(dataset_routes(settings, datasets, usage))
    app.include_router(upload_routes(settings, datasets))
    app.include_router(model_routes(models))
    _operations(app, store, metrics.registry)
    return app


def _measure(app: FastAPI, metrics: JobsMetrics) -> None:
    @app.middleware("http")
    async def measure(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        response = await call_next(request)
        # The pattern of the route, not the path: labels must stay few.
        route = getattr(request.scope.get("route"), "path", "none")
        seconds = time.perf_counter() - started
        metrics.requests.labels(route, request.method, response.status_code).observe(seconds)
        if route not in _UNLOGGED:
            log.info(
                "request",
                method=request.method,
                path=request.url.path,
                status=response.status_code,
                seconds=round(seconds, 6),
            )
        return response


def _operations(app: FastAPI, store: JobStore, registry: CollectorRegistry) -> None:
    @app.get("/metrics", include_in_schema=False)
    def metrics_page() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz/live", include_in_schema=False)
    def live() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/healthz/ready", include_in_schema=False)
    def ready() -> Response:
        if store.ping():
            return Response("ok\n", media_type="text/plain")
        return Response("the job store does not answer\n", 503, media_type="text/plain")
