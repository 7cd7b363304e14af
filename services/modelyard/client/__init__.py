"""The Python client: submit and watch jobs over HTTP, predict over gRPC.

    from modelyard import Client

    client = Client()
    job = client.jobs.submit("examples/digits.yaml")
    for event in job.events():
        print(event)
    print(client.model("digits").classify("examples/digits/seven.png").top)

`AsyncClient` is the same, to be awaited. It needs neither TensorFlow nor Redis nor NumPy; arrays are taken where NumPy is installed.
"""

from modelyard.client.answers import (
    Answer,
    Classification,
    Classifications,
    Forecasts,
    ScoredClass,
    Timing,
    Values,
)
from modelyard.client.async_client import AsyncClient
from modelyard.client.async_doors import AsyncJob
from modelyard.client.client import Client
from modelyard.client.datasets import Column, Dataset, Schema, UploadedDataset
from modelyard.client.doors import Job, JobPage, ServedModel
from modelyard.client.errors import (
    AlreadyExists,
    ApiError,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    FailedPrecondition,
    InternalError,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
    WaitTimeout,
)
from modelyard.client.jobs import Epoch, Event, LogLine, Report
from modelyard.client.models import Model, Version
from modelyard.client.workers import Worker
from modelyard.errors import Code, Violation

__all__ = [
    "AlreadyExists",
    "Answer",
    "ApiError",
    "AsyncClient",
    "AsyncJob",
    "Cancelled",
    "Classification",
    "Classifications",
    "Client",
    "Code",
    "Column",
    "Conflict",
    "Dataset",
    "DeadlineExceeded",
    "Epoch",
    "Event",
    "FailedPrecondition",
    "Forecasts",
    "InternalError",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobPage",
    "LogLine",
    "Model",
    "NotFound",
    "PermissionDenied",
    "Report",
    "ResourceExhausted",
    "Schema",
    "ScoredClass",
    "ServedModel",
    "Timing",
    "Unavailable",
    "Unimplemented",
    "UploadedDataset",
    "Values",
    "Version",
    "Violation",
    "WaitTimeout",
    "Worker",
]
