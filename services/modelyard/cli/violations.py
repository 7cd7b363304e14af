"""What is wrong in a request file, shown where it stands."""

import click

from modelyard.cli.problem import say_error
from modelyard.cli.yaml_position import Position, find
from modelyard.client.errors import InvalidRequest
from modelyard.errors import Violation


def show(error: InvalidRequest, text: str, name: str) -> None:
    """Prints each violation with file, line and column, the line itself, and what would be right."""
    count = len(error.violations)
    say_error(error.reason, f"{count} problem{'s' if count > 1 else ''} in {name}")
    for violation in error.violations:
        _show_one(violation, text, name)
    click.echo("nothing was submitted", err=True)


def _show_one(violation: Violation, text: str, name: str) -> None:
    position = find(text, violation.field)
    where = f"{name}:{position.line}:{position.column}" if position else name
    what = f"{violation.field}: {violation.message}" if violation.field else violation.message
    click.echo(f"  {click.style(where, bold=True)}  {what}", err=True)
    if position is not None:
        _show_line(position, text)
    if violation.expected is not None:
        click.echo(f"    {click.style('expected', fg='cyan')}: {violation.expected}", err=True)
    if violation.received is not None:
        click.echo(f"    received: {violation.received}", err=True)


def _show_line(position: Position, text: str) -> None:
    line = text.splitlines()[position.line - 1]
    margin = " " * 6
    click.echo(f"{position.line:>6} │ {line}", err=True)
    caret = " " * (position.column - 1) + "^" * position.width
    click.echo(f"{margin} │ {click.style(caret, fg='red')}", err=True)
