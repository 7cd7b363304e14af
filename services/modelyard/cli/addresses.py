"""Where the services are: what was said at the prompt, then the environment, then what `up` runs here."""

import os
from typing import TYPE_CHECKING, Any

import click

from modelyard.cli import stack

if TYPE_CHECKING:
    from modelyard.client import Client


def client_of(ctx: click.Context) -> "Client":
    # Late: only commands that talk to a service pay for the client's libraries.
    from modelyard.client import Client

    url, grpc = addresses_of(ctx)
    client = Client(url, grpc)
    ctx.call_on_close(client.close)
    return client


def addresses_of(ctx: click.Context) -> tuple[str | None, str | None]:
    """None where nobody says anything: the client then looks at the environment and its defaults."""
    said: dict[str, Any] = ctx.obj or {}
    url = said.get("url") or os.environ.get("MODELYARD_URL")
    grpc = said.get("grpc") or os.environ.get("MODELYARD_GRPC")
    if url and grpc:
        return url, grpc
    here = stack.running(stack.home_folder())
    if here is None:
        return url, grpc
    return url or here.url, grpc or here.grpc
