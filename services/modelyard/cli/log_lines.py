"""What the trainer of a job wrote, line by line on stdout."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from modelyard.cli import exits
from modelyard.cli.output import print_all, printable, say
from modelyard.cli.watch import detach_note

if TYPE_CHECKING:
    from modelyard.client import Client, LogLine


def show(client: "Client", id: str, form: str, *, follow: bool) -> int:
    """The exit code is the job's if it was followed to its end, else 0. Ctrl-C leaves the job alone."""
    try:
        _print(client.jobs.logs(id, follow=follow), form)
    except KeyboardInterrupt:
        return detach_note(id)
    if not follow:
        return exits.OK
    job = client.jobs.get(id)
    say(f"job {id} {job.state.lower()}{f' {job.reason}' if job.reason else ''}")
    return exits.of_state(job.state)


def _print(lines: "Iterator[LogLine]", form: str) -> None:
    if form == "table":
        _print_text(lines)
    elif form == "jsonl":
        for line in lines:
            print_all([_value(line)], form, (), ())
            sys.stdout.flush()
    else:
        print_all(map(_value, lines), form, (), (), key="line")


def _print_text(lines: "Iterator[LogLine]") -> None:
    """At a terminal without anything that a terminal would obey; into a pipe without escape codes."""
    written: Callable[[str], str] = printable if sys.stdout.isatty() else str
    attempt = 0
    for line in lines:
        if attempt and line.attempt > attempt:
            say(f"attempt {line.attempt}")
        attempt = line.attempt
        click.echo(written(line.line))


def _value(line: "LogLine") -> dict[str, Any]:
    """What is there now comes as plain text, which does not say which attempt wrote it."""
    if not line.id:
        return {"line": line.line}
    return {"attempt": line.attempt, "line": line.line, "id": line.id}
