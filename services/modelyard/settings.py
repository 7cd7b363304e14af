"""Settings of the services, read from the environment: `MODELYARD_` and the field's name in capitals."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What every service knows."""

    model_config = SettingsConfigDict(
        env_prefix="MODELYARD_", frozen=True, use_attribute_docstrings=True, extra="ignore"
    )

    home: Path = Path("var")
    """Where models, datasets, the journal and work in progress lie, unless they are given a place of their own."""
    models_dir: Path | None = None
    """The model directory: the worker writes it, inference reads it."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    metrics_host: str = "127.0.0.1"
    """The address at which /metrics is served; 0.0.0.0 in a container."""

    @property
    def models(self) -> Path:
        return self.models_dir or self.home / "models"


class StoreSettings(Settings):
    """What the two services that share the job record know."""

    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """The state: it holds the job records, and must keep them (AOF, noeviction)."""
    broker_url: SecretStr | None = None
    """The doorbells: may be lost at any time. The same server as the state if unset."""
    datasets_dir: Path | None = None
    """Uploaded datasets, content-addressed; shared by the jobs API and the workers."""
    journal_dir: Path | None = None
    """What was accepted and how it ended; a lost state is rebuilt from it."""
    work_dir: Path | None = None
    """Checkpoints and logs of attempts; shared by the workers that may take over a job."""
    lease_seconds: PositiveFloat = 30.0
    """How long a silent worker keeps its job. Shorter finds a dead worker sooner, and forgives less."""
    max_losses: PositiveInt = 3
    """How many attempts in a row may be lost without progress before a job is called poison."""

    @property
    def datasets(self) -> Path:
        return self.datasets_dir or self.home / "datasets"

    @property
    def journal(self) -> Path:
        return self.journal_dir or self.home / "journal"

    @property
    def work(self) -> Path:
        return self.work_dir or self.home / "work"

    @property
    def broker(self) -> str:
        return (self.broker_url or self.redis_url).get_secret_value()


class JobsSettings(StoreSettings):
    """The jobs API."""

    host: str = "127.0.0.1"
    port: int = 7070
    """Serves the API, and /metrics, /healthz/live and /healthz/ready."""
    reconcile_seconds: PositiveFloat = 2.0
    """How often doorbells are rung again and dead workers' jobs are taken back."""
    max_body_bytes: PositiveInt = 64 * 1024 * 1024
    """The largest request body; uploads of datasets have a limit of their own."""
    max_dataset_bytes: PositiveInt = 2 * 1024**3
    """The largest dataset that may be uploaded. It goes straight to disk, never into memory."""
    max_uploads: PositiveInt = 32
    """How many uploads may be under way before a further one is refused."""
    upload_idle_seconds: PositiveFloat = 60.0
    """An upload from which nothing came for this long is ended; a resumable one can go on later."""
    min_free_bytes: NonNegativeInt = 256 * 1024 * 1024
    """How many bytes of the disk of the datasets uploads leave free."""
    max_open_jobs: PositiveInt = 100_000
    """How many jobs may wait or run before a further one is refused."""
    max_watchers: PositiveInt = 2_000
    """How many may watch the events or the log of a job at once before a further one is refused."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """The names under which this service is asked, separated by commas; others are refused (DNS rebinding).

    Addresses and names without a dot, such as localhost, always do. If unset: the name of the machine, and `host`.
    `*` allows all.
    """

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        return (
            tuple(filter(None, value.replace(",", " ").split()))
            if isinstance(value, str)
            else value
        )


class WorkerSettings(StoreSettings):
    """A training worker: one job at a time, one GPU or a share of the CPU."""

    queue: str = "train"
    """Which jobs it takes."""
    device: str = "auto"
    """`auto`, `cpu`, or the index of the GPU that this worker owns."""
    worker_name: str = ""
    """A name for people; host and process id if empty."""
    worker_metrics_port: int = 9101
    """Where this worker's /metrics is served; 0 is any free port."""
    grace_seconds: PositiveFloat = 25.0
    """How long a trainer may take to write a checkpoint after SIGTERM or cancel before it is killed."""
    stall_seconds: PositiveFloat = 600.0
    """A trainer without a sign of progress for this long (or 20 times its median step) is killed and tried again."""
    keep_versions: PositiveInt = 10
    """How many versions of a model are kept; those that an alias names always are."""
    keep_golden: bool = True
    """Whether a version keeps the held-out examples it was verified with. They are user data."""


class InferenceSettings(Settings):
    """The inference service."""

    grpc_host: str = "127.0.0.1"
    grpc_port: int = 50051
    """0 is any free port."""
    inference_metrics_port: int = 9102
    """Serves /metrics, /healthz/live and /healthz/ready; 0 is any free port."""
    rest_port: int | None = None
    """Serves the REST APIs of TensorFlow Serving (whose own default is 8501) and of the Open Inference Protocol, on `grpc_host`.

    0 is any free port, unset is none.
    """
    rest_timeout_seconds: PositiveFloat = 30.0
    """How long a REST request may take to arrive, and again to be answered."""
    max_rest_connections: PositiveInt = 256
    """How many may be connected to the REST port at once; each has a thread. Further ones are answered 503."""
    max_rest_body_bytes: PositiveInt = 64 * 1024 * 1024
    """The largest body of a REST request, also after it is unpacked. Larger inputs go over gRPC."""
    tf_serving_metrics: bool = False
    """Whether the REST port serves TensorFlow Serving's series at `/monitoring/prometheus/metrics`, for its dashboards."""
    triton_metrics: bool = False
    """Whether /metrics shows Triton's `nv_inference_*` as well, for its dashboards."""
    open_inference_name: str = "modelyard"
    """What the Open Inference Protocol's metadata calls this server. Some clients of Triton insist on `triton`."""
    poll_seconds: PositiveFloat = 1.0
    """How often the model directory is looked at for new versions."""
    keep_loaded: PositiveInt = 1
    """How many of a model's newest versions answer; those that an alias names always do."""
    threads: PositiveInt = 64
    """Calls that are being worked on at the same time; they wait on the batch they are in."""
    max_concurrent_calls: PositiveInt = 512
    """Further calls are answered RESOURCE_EXHAUSTED at once."""
    max_queue_rows: PositiveInt = 4096
    """How many examples may wait for one signature of one version."""
    max_bytes_in_flight: PositiveInt = 1024 * 1024 * 1024
    """How many bytes of inputs may wait, of all models together."""
    max_batch_rows: PositiveInt = 64
    """The largest batch that is put together from several calls. A larger single call runs alone."""
    batch_threads: PositiveInt = 1
    """Batches of one version that run at the same time."""
    grace_seconds: PositiveFloat = 20.0
    """How long calls in flight may take to end after SIGTERM."""
    reflection: bool = True
    """Whether any client may ask for the services and their messages, as grpcurl does."""
    help_url: str = "http://127.0.0.1:7070/errors"
    """Where callers find the pages of the reasons; errors link there. Empty: no link."""
    reload_roots: tuple[Path, ...] = Field(default=())
    """The folders below which HandleReloadConfigRequest may load models. None: such calls are refused."""
