"""Where the services are: said at the prompt, in the environment, by a context, by what `up` runs here, or the default."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from modelyard.cli import contexts, invocation, stack
from modelyard.cli.contexts import Context
from modelyard.cli.invocation import Invocation

if TYPE_CHECKING:
    from modelyard.client import Client

DEFAULT = Context("http://127.0.0.1:7070", "127.0.0.1:50051")
_SAID_NOWHERE = "default"


@dataclass(frozen=True)
class Address:
    value: str
    source: str
    """Who said so, for people."""

    @property
    def is_default(self) -> bool:
        return self.source == _SAID_NOWHERE


@dataclass(frozen=True)
class Candidate:
    """One place that may say where the services are; the first that does decides, for each service alone."""

    source: str
    url: str | None
    grpc: str | None


@dataclass(frozen=True)
class Addresses:
    url: Address
    grpc: Address

    @classmethod
    def decided(cls, candidates: list[Candidate]) -> "Addresses":
        return cls(
            next(Address(said.url, said.source) for said in candidates if said.url),
            next(Address(said.grpc, said.source) for said in candidates if said.grpc),
        )


def client_of(ctx: click.Context) -> "Client":
    # Late: only commands that talk to a service pay for the client's libraries.
    from modelyard.client import Client

    addresses = addresses_of(ctx)
    client = Client(addresses.url.value, addresses.grpc.value)
    ctx.call_on_close(client.close)
    return client


def addresses_of(ctx: click.Context) -> Addresses:
    said = invocation.of(ctx)
    said.resolved = Addresses.decided(list(candidates(said)))
    return said.resolved


def candidates(said: Invocation) -> Iterator[Candidate]:
    """All places that are looked at, the strongest first. Raises NotFound for a context that is not there."""
    environment = os.environ
    yield Candidate("--url, --grpc", said.url, said.grpc)
    if said.context:
        yield _of_context(said.context, "--context")
    yield Candidate(
        "MODELYARD_URL, MODELYARD_GRPC",
        environment.get("MODELYARD_URL"),
        environment.get("MODELYARD_GRPC"),
    )
    yield from _chosen_context()
    if (here := stack.running(stack.home_folder())) is not None:
        yield Candidate(f"what runs here, from {here.home}", here.url, here.grpc)
    yield Candidate(_SAID_NOWHERE, DEFAULT.url, DEFAULT.grpc)


def _chosen_context() -> Iterator[Candidate]:
    if told := os.environ.get("MODELYARD_CONTEXT"):
        yield _of_context(told, "MODELYARD_CONTEXT")
    elif current := contexts.read().current:
        yield _of_context(current, str(contexts.config_file()))


def _of_context(name: str, source: str) -> Candidate:
    context = contexts.read().get(name)
    return Candidate(f"context {name!r}, from {source}", context.url, context.grpc)
