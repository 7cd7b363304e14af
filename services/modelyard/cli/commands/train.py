"""`modelyard train FILE`: submits a request and watches what becomes of it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.output import mark, output_option, print_one, program, say

if TYPE_CHECKING:
    from modelyard.client import Client, Job

_SERVED_WITHIN = 20.0


@click.command("train")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-d", "--detach", is_flag=True, help="Submit and return.")
@click.option("--dry-run", is_flag=True, help="Only ask whether the request is right.")
@click.option("--idempotency-key", metavar="KEY", help="The same key never makes a second job.")
@click.option("-q", "--quiet", is_flag=True, help="No progress; the result stays.")
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    detach: bool,
    dry_run: bool,
    idempotency_key: str | None,
    quiet: bool,
    output: str,
) -> int:
    """Train and publish a model from a request FILE (YAML or JSON), and watch it.

    A dataset that the file names by its path is sent first. Ctrl-C stops watching, not the job.
    Exit code 0 if the job succeeded, 1 if it failed, 2 if the request cannot be right, 8 if it was cancelled.
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
        if dry_run:
            found = client.jobs.validate_written(written)
            report.print_report(found, output, name=written.name)
            return exits.OK
        job = client.jobs.submit_written(written, idempotency_key=idempotency_key)
    except InvalidRequest as error:
        return violations.refuse(error, written, client)
    if not quiet:
        say(f"{mark('ok')} submitted    job {job.id}")
    if detach:
        return _leave(job, output)
    return _watch(client, job, quiet, output)


def _leave(job: "Job", output: str) -> int:
    print_one(job.raw, output, lambda: click.echo(job.id), name=job.id)
    return exits.OK


def _watch(client: "Client", job: "Job", quiet: bool, output: str) -> int:
    from modelyard.cli.job_view import print_job  # late: as above
    from modelyard.cli.watch import detach_note, follow

    try:
        ended = follow(client, job.id, quiet=quiet)
    except KeyboardInterrupt:
        return detach_note(job.id)
    if ended.succeeded:
        _await_served(client, ended, quiet)
    if output != "table":
        print_job(ended, output)
    return exits.of_state(ended.state)


def _await_served(client: "Client", job: "Job", quiet: bool) -> None:
    """Inference looks for new versions all the time; where there is none, the job has succeeded all the same."""
    from modelyard.client import ApiError  # late: as above

    deadline = time.monotonic() + _SERVED_WITHIN
    try:
        while not client.predict.serves(job.model, timeout=5):
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)
    except ApiError:
        return
    if not quiet:
        say(f"{mark('ok')} served       {job.model} answers at {client.grpc}")
        say(f"  {program()} predict {job.model} …")
