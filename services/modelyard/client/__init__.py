"""The Python client: submit and watch jobs over HTTP, predict over gRPC.

    from modelyard import Client

    client = Client()
    job = client.jobs.submit("examples/digits.yaml")
    for event in client.jobs.events(job.id):
        print(event)
    print(client.predict.classify_images("digits", ["seven.png"]).top)

It needs neither TensorFlow nor Redis nor NumPy; arrays are taken where NumPy is installed.
"""

from modelyard.client.client import Client
from modelyard.client.datasets import UploadedDataset
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
from modelyard.client.jobs import Event, Job
from modelyard.client.models import Model
from modelyard.client.predictions import (
    Classification,
    Classifications,
    Forecasts,
    ScoredClass,
    Timing,
    Values,
)

__all__ = [
    "AlreadyExists",
    "ApiError",
    "Cancelled",
    "Classification",
    "Classifications",
    "Client",
    "Conflict",
    "DeadlineExceeded",
    "Event",
    "FailedPrecondition",
    "Forecasts",
    "InternalError",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobFailed",
    "Model",
    "NotFound",
    "PermissionDenied",
    "ResourceExhausted",
    "ScoredClass",
    "Timing",
    "Unavailable",
    "Unimplemented",
    "UploadedDataset",
    "Values",
    "WaitTimeout",
]
