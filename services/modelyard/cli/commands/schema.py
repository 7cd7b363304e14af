"""`modelyard schema job`: for editors that complete and check a request while it is written."""

import click

from modelyard.cli import exits, request_schema
from modelyard.cli.output import print_json


@click.command("schema")
@click.argument("what", type=click.Choice(["job"]), default="job")
@click.pass_context
def command(ctx: click.Context, what: str) -> int:
    """Print the JSON Schema of a job request, as the service checks it: for editors.

    \b
    schema job > job.schema.json
    and as the first line of a request file:
    # yaml-language-server: $schema=job.schema.json
    """
    print_json(request_schema.of(ctx))
    return exits.OK
