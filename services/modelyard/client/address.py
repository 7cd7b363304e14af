"""What both clients begin with: where the services are, and the calls that belong to no room."""

import os
from dataclasses import dataclass

from modelyard.client import http
from modelyard.client.retrying import Options
from modelyard.client.steps import Steps

DEFAULT_URL = "http://127.0.0.1:7070"
DEFAULT_GRPC = "127.0.0.1:50051"


@dataclass(frozen=True)
class Address:
    url: str
    grpc: str


def address_of(url: str | None, grpc: str | None) -> Address:
    return Address(
        url or os.environ.get("MODELYARD_URL") or DEFAULT_URL,
        grpc or os.environ.get("MODELYARD_GRPC") or DEFAULT_GRPC,
    )


def request_schema(options: Options) -> Steps[dict[str, object]]:
    return dict((yield from http.get(options, "/v1/schemas/job-request")))
