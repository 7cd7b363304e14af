"""`modelyard train FILE`: submits a request and watches what becomes of it."""

from pathlib import Path

import click

from modelyard.cli import exits, violations
from modelyard.cli.addresses import client_of
from modelyard.cli.output import mark, output_option, print_json, program, say
from modelyard.cli.watch import detach_note, follow
from modelyard.client import Client, Job
from modelyard.client.errors import InvalidRequest
from modelyard.client.requests import WrittenRequest, read


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
    client = client_of(ctx)
    written = read(file)
    try:
        if dry_run:
            print_json(client.jobs.check(file))
            return exits.OK
        job = client.jobs.submit_written(written, idempotency_key=idempotency_key)
    except InvalidRequest as error:
        return _refused(error, written)
    if not quiet:
        say(f"{mark('ok')} submitted    job {job.id}")
    if detach:
        return _leave(job, output)
    return _watch(client, job, quiet, output)


def _refused(error: InvalidRequest, written: WrittenRequest) -> int:
    if not error.violations:
        raise error
    violations.show(error, written.text, written.name)
    return exits.INVALID


def _leave(job: Job, output: str) -> int:
    if output == "table":
        click.echo(job.id)
    else:
        print_json(job.raw)
    return exits.OK


def _watch(client: Client, job: Job, quiet: bool, output: str) -> int:
    try:
        ended = follow(client, job.id, quiet=quiet)
    except KeyboardInterrupt:
        return detach_note(job.id)
    if output != "table":
        print_json(ended.raw)
    elif ended.succeeded and not quiet:
        say(f"  {program()} predict {ended.model} …")
    return exits.of_state(ended.state)
