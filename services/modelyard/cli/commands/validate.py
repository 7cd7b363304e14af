"""`modelyard validate FILE`: what a request would come to, or all that is wrong in it."""

from pathlib import Path

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.output import mark, output_option, say


@click.command("validate")
@click.argument("file", type=click.Path(path_type=Path))
@output_option
@click.pass_context
def command(ctx: click.Context, file: Path, output: str) -> int:
    """Check a request FILE without submitting it: rows, classes, shapes of the layers, parameters, warnings.

    A dataset that the file names by its path is sent first. Exit code 2 if the request cannot be right.
    """
    # Late: `--help` is immediate.
    from modelyard.cli import report, violations
    from modelyard.client import InvalidRequest
    from modelyard.client.requests import read

    try:
        written = read(file)
    except InvalidRequest as error:
        return violations.refuse_text(error, file)
    client = client_of(ctx)
    try:
        found = client.jobs.validate_written(written)
    except InvalidRequest as error:
        return violations.refuse(error, written, client)
    if output == "table":
        say(f"{mark('ok')} {written.name} can be trained")
    report.print_report(found, output, name=written.name)
    return exits.OK
