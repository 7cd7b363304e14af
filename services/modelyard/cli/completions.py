"""Values that the shell offers after Tab: ids and names as the running system knows them.

Whoever presses Tab waits, so a service has 150 ms to answer; whatever goes wrong, nothing is offered.
"""

import http.client
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from modelyard.cli.invocation import Invocation

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_SECONDS = 0.15
_MOST_BYTES = 4_000_000

Offer = tuple[str, str]
"""A value, and what it is."""
Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _completer(offers: Callable[[click.Context], Iterable[Offer]]) -> Completer:
    def complete(
        ctx: click.Context, parameter: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        # Late: it is only there while somebody presses Tab.
        from click.shell_completion import CompletionItem

        try:
            found = list(offers(ctx))
        except Exception:
            return []  # a message would land in the middle of what is being typed
        return [CompletionItem(v, help=told) for v, told in found if v.startswith(incomplete)]

    return complete


def _jobs(ctx: click.Context) -> Iterable[Offer]:
    for job in _get(ctx, "/v1/jobs?limit=50")["jobs"]:
        yield str(job["id"]), f"{job['state'].lower()} {job.get('name') or job.get('model') or ''}"


def _models(ctx: click.Context) -> Iterable[Offer]:
    for model in _get(ctx, "/v1/models")["models"]:
        yield str(model["name"]), f"{len(model.get('versions', ()))} versions"


def _datasets(ctx: click.Context) -> Iterable[Offer]:
    for dataset in _get(ctx, "/v1/datasets")["datasets"]:
        yield f"dataset://{dataset['digest']}", str(dataset.get("name") or "")


def _contexts(ctx: click.Context) -> Iterable[Offer]:
    from modelyard.cli import contexts  # late: reads a file that only contexts need

    return [(name, context.url) for name, context in contexts.read().known.items()]


def _get(ctx: click.Context, path: str) -> Any:
    """Plain http.client: the client's libraries alone would take as long as we have."""
    from modelyard.cli.addresses import Addresses, candidates  # late: as above

    said = ctx.find_root().params
    invocation = Invocation(said.get("url"), said.get("grpc"), said.get("context"))
    url = urlsplit(Addresses.decided(list(candidates(invocation))).url.value)
    is_tls = url.scheme == "https"
    connect = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    connection = connect(url.netloc, timeout=_SECONDS)
    try:
        connection.request("GET", url.path.rstrip("/") + path)
        return json.loads(connection.getresponse().read(_MOST_BYTES))
    finally:
        connection.close()


complete_jobs = _completer(_jobs)
complete_models = _completer(_models)
complete_datasets = _completer(_datasets)
complete_contexts = _completer(_contexts)
