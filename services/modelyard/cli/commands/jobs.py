"""`modelyard jobs …`: list, show, watch, wait for and cancel jobs."""

from itertools import islice

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.output import mark, output_option, print_all, print_json, say
from modelyard.cli.watch import beside, detach_note, follow
from modelyard.client import Job


@click.group("jobs")
def command() -> None:
    """List, show, watch, wait for and cancel jobs."""


@command.command("list")
@click.option("--state", default="", help="Such as RUNNING or FAILED.")
@click.option("--model", default="", help="Only jobs that publish this model.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@output_option
@click.pass_context
def list_jobs(ctx: click.Context, state: str, model: str, limit: int, output: str) -> int:
    """List jobs, newest first."""
    found = client_of(ctx).jobs.list(state=state.upper())
    jobs = list(islice((job for job in found if model in ("", job.model)), limit))
    columns = ("ID", "NAME", "STATE", "REASON", "EPOCH", "MODEL", "VERSION", "CREATED")
    print_all([job.raw for job in jobs], output, columns, map(_row, jobs))
    return exits.OK


@command.command("get")
@click.argument("id")
@output_option
@click.pass_context
def get_job(ctx: click.Context, id: str, output: str) -> int:
    """Show one job."""
    job = client_of(ctx).jobs.get(id)
    if output == "table":
        _show(job)
    else:
        print_json(job.raw)
    return exits.OK


@command.command("watch")
@click.argument("id")
@output_option
@click.pass_context
def watch_job(ctx: click.Context, id: str, output: str) -> int:
    """Watch a job until it ends; Ctrl-C stops watching, not the job. The exit code is the job's."""
    try:
        job = follow(client_of(ctx), id)
    except KeyboardInterrupt:
        return detach_note(id)
    if output != "table":
        print_json(job.raw)
    return exits.of_state(job.state)


@command.command("wait")
@click.argument("id")
@click.option("--timeout", type=float, metavar="SECONDS", help="Exit with 7 after so long.")
@click.pass_context
def wait_job(ctx: click.Context, id: str, timeout: float | None) -> int:
    """Wait silently until a job ends. The exit code is the job's."""
    client_of(ctx).jobs.wait(id, timeout=timeout)
    return exits.OK


@command.command("cancel")
@click.argument("id")
@output_option
@click.pass_context
def cancel_job(ctx: click.Context, id: str, output: str) -> int:
    """Ask a job to stop. What it learned is kept in its last checkpoint; nothing is published."""
    job = client_of(ctx).jobs.cancel(id)
    if output == "table":
        say(f"{mark('ok')} job {job.id} is {job.state.lower()}")
    else:
        print_json(job.raw)
    return exits.OK


def _row(job: Job) -> tuple[object, ...]:
    epoch = f"{job.epoch}/{job.epochs}" if job.epochs else ""
    created = str(job.raw.get("created_at") or "")
    return job.id, job.name, job.state, job.reason, epoch, job.model, job.version, created


def _show(job: Job) -> None:
    facts = {
        "id": job.id,
        "name": job.name,
        "state": f"{job.state} {job.reason}".strip(),
        "message": job.message,
        "attempt": job.attempt,
        "epoch": f"{job.epoch}/{job.epochs}" if job.epochs else "",
        "results": beside(job.metrics, job.baseline),
        "model": f"{job.model} version {job.version}" if job.version is not None else job.model,
        "worker": job.raw.get("worker"),
        "created": job.raw.get("created_at"),
        "started": job.raw.get("started_at"),
        "finished": job.raw.get("finished_at"),
    }
    for name, fact in facts.items():
        if fact not in ("", None):
            click.echo(f"{name:<10}{fact}")
    for violation in job.violations:
        click.echo(f"{'':<10}{violation}")
