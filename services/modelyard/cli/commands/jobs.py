"""`modelyard jobs …`: list, show, watch, wait for, repeat and cancel jobs."""

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelyard.cli import exits
from modelyard.cli.addresses import client_of
from modelyard.cli.completions import complete_jobs
from modelyard.cli.output import mark, output_option, print_all, print_one, print_table, say

if TYPE_CHECKING:
    from modelyard.client import Epoch, Job

# Views, logs and the client are imported by the commands that need them: `--help` is immediate.

_job_argument = click.argument("id", metavar="JOB", shell_complete=complete_jobs)
_watch_option = click.option(
    "-w", "--watch", is_flag=True, help="Watch the new job; the exit code is then its own."
)


@click.group("jobs")
def command() -> None:
    """List, show, watch, wait for, repeat and cancel jobs."""


@command.command("list")
@click.option("--state", default="", help="Such as RUNNING or FAILED.")
@click.option("--model", default="", help="Only jobs that publish this model.")
@click.option("--name", default="", help="Only jobs of this name.")
@click.option("--task", default="", help="Only jobs of this task, such as forecasting.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@output_option
@click.pass_context
def list_jobs(
    ctx: click.Context, state: str, model: str, name: str, task: str, limit: int, output: str
) -> int:
    """List jobs, newest first."""
    from modelyard.cli.job_view import COLUMNS, row

    found = client_of(ctx).jobs.list(state=state.upper(), model=model, name=name, task=task)
    jobs = list(islice(found, limit))
    print_all([job.raw for job in jobs], output, COLUMNS, map(row, jobs), key="id")
    return exits.OK


@command.command("get")
@_job_argument
@output_option
@click.pass_context
def get_job(ctx: click.Context, id: str, output: str) -> int:
    """Show one job."""
    from modelyard.cli.job_view import print_job

    print_job(client_of(ctx).jobs.get(id), output)
    return exits.OK


@command.command("watch")
@_job_argument
@output_option
@click.pass_context
def watch_job(ctx: click.Context, id: str, output: str) -> int:
    """Watch a job until it ends; Ctrl-C stops watching, not the job. The exit code is the job's."""
    return _watch(ctx, id, output)


@command.command("wait")
@_job_argument
@click.option("--timeout", type=float, metavar="SECONDS", help="Exit with 7 after so long.")
@output_option
@click.pass_context
def wait_job(ctx: click.Context, id: str, timeout: float | None, output: str) -> int:
    """Wait silently until a job ends. The exit code is the job's."""
    from modelyard.cli.job_view import print_job
    from modelyard.cli.problem import explain
    from modelyard.cli.watch import detach_note
    from modelyard.client import JobCancelled, JobFailed

    jobs, code = client_of(ctx).jobs, exits.OK
    try:
        jobs.wait(id, timeout=timeout)
    except KeyboardInterrupt:
        return detach_note(id)
    except (JobFailed, JobCancelled) as error:
        code = explain(error)
    if output != "table":
        print_job(jobs.get(id), output)
    return code


@command.command("logs")
@_job_argument
@click.option(
    "-f", "--follow", is_flag=True, help="Until the job ends; the exit code is the job's."
)
@output_option
@click.pass_context
def job_logs(ctx: click.Context, id: str, follow: bool, output: str) -> int:
    """Show what the trainer of a job wrote."""
    from modelyard.cli import log_lines

    return log_lines.show(client_of(ctx), id, output, follow=follow)


@command.command("metrics")
@_job_argument
@output_option
@click.pass_context
def job_metrics(ctx: click.Context, id: str, output: str) -> int:
    """Show the epochs of a job: seconds, examples per second, losses and metrics."""
    epochs = client_of(ctx).jobs.metrics(id)
    values = [asdict(epoch) for epoch in epochs]
    if output in ("jsonl", "name"):
        print_all(values, output, (), (), key="epoch")
    else:
        print_one({"epochs": values}, output, lambda: _show_epochs(epochs), name=id)
    return exits.OK


@command.command("cancel")
@_job_argument
@output_option
@click.pass_context
def cancel_job(ctx: click.Context, id: str, output: str) -> int:
    """Ask a job to stop. What it learned is kept in its last checkpoint; nothing is published."""
    job = client_of(ctx).jobs.cancel(id)
    print_one(
        job.raw,
        output,
        lambda: say(f"{mark('ok')} job {job.id} is {job.state.lower()}"),
        name=job.id,
    )
    return exits.OK


@command.command("retry")
@_job_argument
@_watch_option
@output_option
@click.pass_context
def retry_job(ctx: click.Context, id: str, watch: bool, output: str) -> int:
    """Submit the same request again, as a new job."""
    return _tell_new(ctx, client_of(ctx).jobs.retry(id), watch, output)


@command.command("clone")
@_job_argument
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a field.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Changes as a YAML or JSON mapping, merged over the request (RFC 7396).",
)
@click.option("--dry-run", is_flag=True, help="Only ask what the new request comes to.")
@_watch_option
@output_option
@click.pass_context
def clone_job(
    ctx: click.Context,
    id: str,
    changes: tuple[str, ...],
    file: Path | None,
    dry_run: bool,
    watch: bool,
    output: str,
) -> int:
    """Submit the request of a job with changes, as a new job.

    \b
    jobs clone JOB --set training.epochs=50 --set training.optimizer.learning_rate=0.0003
    jobs clone JOB --set training.early_stopping=null
    """
    from modelyard.cli import report
    from modelyard.cli.changes import patch

    jobs, wanted = client_of(ctx).jobs, patch(changes, file)
    if dry_run:
        report.print_report(jobs.validate_clone(id, wanted), output, name=id)
        return exits.OK
    return _tell_new(ctx, jobs.clone(id, wanted), watch, output)


def _tell_new(ctx: click.Context, job: "Job", watch: bool, output: str) -> int:
    say(f"{mark('ok')} submitted    job {job.id}")
    if watch:
        return _watch(ctx, job.id, output)
    print_one(job.raw, output, lambda: click.echo(job.id), name=job.id)
    return exits.OK


def _watch(ctx: click.Context, id: str, output: str) -> int:
    from modelyard.cli.job_view import print_job
    from modelyard.cli.watch import detach_note, follow

    try:
        job = follow(client_of(ctx), id)
    except KeyboardInterrupt:
        return detach_note(id)
    if output != "table":
        print_job(job, output)
    return exits.of_state(job.state)


def _show_epochs(epochs: "tuple[Epoch, ...]") -> None:
    names = sorted({name for epoch in epochs for name in epoch.logs})
    columns = ("EPOCH", "ATTEMPT", "SECONDS", "EXAMPLES/S", *(name.upper() for name in names))
    rows = [
        (
            epoch.epoch,
            epoch.attempt,
            epoch.seconds,
            epoch.examples_per_second,
            *(epoch.logs.get(name) for name in names),
        )
        for epoch in epochs
    ]
    print_table(columns, rows)
