"""The jobs API: everything is built here, once, and passed in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from modelyard import __version__
from modelyard.dataset_store import DatasetStore
from modelyard.job_queue import Doorbell, make_app
from modelyard.job_store import JobStore
from modelyard.jobs import problems
from modelyard.jobs.api_document import describe
from modelyard.jobs.api_page import api_page
from modelyard.jobs.body_limit import BodyLimit
from modelyard.jobs.dataset_routes import dataset_routes
from modelyard.jobs.dataset_usage import DatasetUsage
from modelyard.jobs.error_pages import error_pages
from modelyard.jobs.event_feed import EventFeed
from modelyard.jobs.host_guard import HostGuard, default_hosts
from modelyard.jobs.identity import Identity
from modelyard.jobs.job_logs import JobLogs
from modelyard.jobs.job_routes import Desk, job_routes, schema_routes
from modelyard.jobs.measurement import Measurement
from modelyard.jobs.metrics import JobsMetrics
from modelyard.jobs.model_routes import model_routes
from modelyard.jobs.reconciler import Reconciler
from modelyard.jobs.streams import Streams
from modelyard.jobs.upload_routes import upload_routes
from modelyard.jobs.watch_routes import watch_routes
from modelyard.jobs.worker_routes import worker_routes
from modelyard.journal import Journal
from modelyard.model_store import ModelStore
from modelyard.settings import JobsSettings

_OPERATIONS = ("/metrics", "/healthz/live", "/healthz/ready")
"""What orchestrators ask, often, and under whatever name."""

PATIENCE = 20.0
"""Seconds that a caller waits for a large dataset to be looked through: less than clients wait for an answer."""


def create_app(settings: JobsSettings) -> FastAPI:
    redis_url = settings.redis_url.get_secret_value()
    store = JobStore(
        redis_url,
        Journal(settings.journal),
        lease_seconds=settings.lease_seconds,
        max_losses=settings.max_losses,
        max_open_jobs=settings.max_open_jobs,
    )
    datasets = DatasetStore(settings.datasets, reserve=settings.min_free_bytes, patience=PATIENCE)
    models = ModelStore(settings.models)
    feed = EventFeed(redis_url)
    doorbell = Doorbell(make_app(settings.broker))
    metrics = JobsMetrics(CollectorRegistry(), store)
    reconciler = Reconciler(store, doorbell, metrics, interval=settings.reconcile_seconds)
    usage = DatasetUsage(store.journal, models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reconciler.start()
        feed.start()
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
        redirect_slashes=False,
    )
    app.state.end_streams = feed.end_streams
    problems.install(app)
    app.include_router(job_routes(store, Desk(store, datasets, doorbell, metrics)))
    app.include_router(
        watch_routes(store, feed, JobLogs(settings.work), Streams(settings.max_watchers))
    )
    app.include_router(schema_routes())
    app.include_router(dataset_routes(settings, datasets, usage))
    app.include_router(upload_routes(settings, datasets))
    app.include_router(model_routes(models))
    app.include_router(worker_routes(store))
    app.include_router(error_pages())
    app.include_router(api_page())
    describe(app)
    # The last one added is the outermost.
    hosts = settings.allowed_hosts or default_hosts(settings.host)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, uploads=settings.max_dataset_bytes)
    app.add_middleware(HostGuard, hosts=hosts, open_paths=_OPERATIONS)
    app.add_middleware(Measurement, metrics=metrics, unlogged=_OPERATIONS)
    app.add_middleware(Identity)
    _operations(app, store, metrics.registry)
    return app


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
