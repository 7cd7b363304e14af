"""The JSON Schema of a request: of the service that commands go to; where none answers, of what is installed here."""

from typing import Any

import click

from modelyard.cli.addresses import addresses_of, client_of
from modelyard.cli.output import say
from modelyard.errors import FailedPrecondition

_SECONDS = 5.0


def of(ctx: click.Context) -> dict[str, Any]:
    """Raises Unavailable or FailedPrecondition where neither is to be had."""
    # Late: `--help` is immediate.
    from modelyard.client import Unavailable

    if addresses_of(ctx).url.is_default:
        return _own(None)
    try:
        return client_of(ctx).with_options(timeout=_SECONDS, retries=0).request_schema()
    except Unavailable as error:
        schema = _own(error)
        say(f"{error.message}; this is what the version installed here says")
        return schema


def _own(nobody: Exception | None) -> dict[str, Any]:
    try:
        # Late: pydantic, which comes with the services alone.
        from modelyard.job import JobRequest
    except ImportError as error:
        if nobody is not None:
            raise nobody from error
        raise FailedPrecondition(
            "no service is known that could tell, and none is installed here; "
            "say where one runs with --url, or pip install 'modelyard[jobs]'",
            reason="NO_SCHEMA",
        ) from error
    return JobRequest.model_json_schema()
