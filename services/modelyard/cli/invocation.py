"""What was said before the name of the command, and what came of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from modelyard.cli.addresses import Addresses


@dataclass
class Invocation:
    url: str | None = None
    grpc: str | None = None
    context: str | None = None
    resolved: "Addresses | None" = field(default=None, repr=False)
    """Where the services are, once a command had to know; an error says how that was decided."""


def of(ctx: click.Context) -> Invocation:
    invocation = ctx.find_object(Invocation)
    return Invocation() if invocation is None else invocation
