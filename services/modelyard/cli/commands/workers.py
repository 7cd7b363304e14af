"""`modelyard workers list`: who trains."""

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.output import output_option, print_all


@click.group("workers")
def command() -> None:
    """List who trains."""


@command.command("list")
@output_option
@click.pass_context
def list_workers(ctx: click.Context, output: str) -> int:
    """List workers, and the job that each trains now."""
    workers = list(client_of(ctx).workers.list())
    rows = [(worker.name, worker.state, worker.job) for worker in workers]
    print_all([worker.raw for worker in workers], output, ("NAME", "STATE", "JOB"), rows)
    return exits.OK
