"""Jobs as people see them: a row of a list, or all that is known of one."""

from typing import TYPE_CHECKING

import click

from modelyard.cli.output import print_facts, print_one, printable
from modelyard.cli.watch import beside

if TYPE_CHECKING:
    from modelyard.client import Job

COLUMNS = ("ID", "NAME", "STATE", "REASON", "EPOCH", "MODEL", "VERSION", "CREATED")


def row(job: "Job") -> tuple[object, ...]:
    epoch = f"{job.epoch}/{job.epochs}" if job.epochs else ""
    created = str(job.raw.get("created_at") or "")
    return job.id, job.name, job.state, job.reason, epoch, job.model, job.version, created


def show(job: "Job") -> None:
    print_facts(
        {
            "id": job.id,
            "name": job.name,
            "parent": job.raw.get("parent"),
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
    )
    for violation in job.violations:
        click.echo(f"{'':<10}{printable(str(violation))}")


def print_job(job: "Job", form: str) -> None:
    print_one(job.raw, form, lambda: show(job), name=job.id)
