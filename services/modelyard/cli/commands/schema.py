"""`modelyard schema job`: for editors that complete and check a request while it is written."""

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.output import print_json


@click.command("schema")
@click.argument("what", type=click.Choice(["job"]), default="job")
@click.pass_context
def command(ctx: click.Context, what: str) -> int:
    """Print the JSON Schema of a job request, as the service checks it."""
    print_json(client_of(ctx).request_schema())
    return exits.OK
