"""`modelyard logs JOB`: what its trainer wrote."""

import click

from modelyard.cli.addresses import client_of
from modelyard.cli.completions import complete_jobs
from modelyard.cli.output import output_option


@click.command("logs")
@click.argument("id", metavar="JOB", shell_complete=complete_jobs)
@click.option(
    "-f", "--follow", is_flag=True, help="Until the job ends; the exit code is the job's."
)
@output_option
@click.pass_context
def command(ctx: click.Context, id: str, follow: bool, output: str) -> int:
    """Show what the trainer of a job wrote.

    Followed, it goes on over broken connections and restarts of the services, loses and repeats no line,
    and ends with the job. Ctrl-C stops watching, not the job.
    """
    from modelyard.cli import log_lines  # late: `--help` is immediate

    return log_lines.show(client_of(ctx), id, output, follow=follow)
