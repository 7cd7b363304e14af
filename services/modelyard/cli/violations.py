"""What is wrong in a request file, shown where it stands."""

import difflib
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from modelyard.cli import exits
from modelyard.cli.output import printable, program
from modelyard.cli.problem import say_error
from modelyard.cli.yaml_position import Position, find
from modelyard.client import ApiError, Client, InvalidRequest
from modelyard.client.requests import WrittenRequest
from modelyard.errors import Violation

# Pydantic's words.
_UNKNOWN_FIELD = "Extra inputs are not permitted"
_UNKNOWN_KIND = re.compile(
    r"Input tag '(?P<received>.*)' found using '(?P<field>\w+)' does not match any of the expected tags: (?P<expected>.*)"
)


def show(
    error: InvalidRequest, text: str, name: str, *, known: Collection[str] = frozenset()
) -> None:
    """Prints each violation with file, line and column, the line itself, and what would be right.

    `known` are the names of fields, for those who meant one of them.
    """
    count = len(error.violations)
    say_error(error.reason, f"{count} problem{'s' if count > 1 else ''} in {name}")
    for violation in map(_of_kind, error.violations):
        _show_one(violation, text, name, known)
    about = _section(error.violations)
    click.echo(
        f"nothing was submitted · all fields: {program()} explain {about}".rstrip(), err=True
    )


def refuse(error: InvalidRequest, written: WrittenRequest, client: Client) -> int:
    """Shows what is wrong in a request that the service refused. Raises the error again if it names no field."""
    if not error.violations:
        raise error
    show(error, written.text, written.name, known=_known_fields(client))
    return exits.INVALID


def refuse_text(error: InvalidRequest, file: Path) -> int:
    """Shows where a request file stops to be YAML. Raises the error again if that is not what is wrong."""
    cause = error.__cause__
    if not isinstance(cause, yaml.MarkedYAMLError) or cause.problem_mark is None:
        raise error
    mark = cause.problem_mark
    text = file.read_text(encoding="utf-8")
    position = Position(mark.line + 1, mark.column + 1, 1)
    say_error(error.reason, f"{file} is not YAML")
    where = click.style(f"{file}:{position.line}:{position.column}", bold=True)
    said = ", ".join(part for part in (cause.context, cause.problem) if part)
    click.echo(f"  {where}  {said}", err=True)
    if position.line <= len(text.splitlines()):  # else the end of the file is what is wrong
        _show_line(position, text)
    click.echo("nothing was submitted", err=True)
    return exits.INVALID


def _known_fields(client: Client) -> set[str]:
    """The names of all fields that a request can have; none if the service does not say."""
    try:
        schema: Any = client.request_schema()
    except ApiError:
        return set()
    every = [schema, *schema.get("$defs", {}).values()]
    return {name for definition in every for name in definition.get("properties", ())}


def _section(violations: Sequence[Violation]) -> str:
    """The part of a request that all violations are in; empty if they are in several."""
    parts = {re.split(r"[.\[]", violation.field)[0] for violation in violations}
    return parts.pop() if len(parts) == 1 else ""


def _show_one(violation: Violation, text: str, name: str, known: Collection[str]) -> None:
    is_unknown = violation.message == _UNKNOWN_FIELD
    position = find(text, violation.field, at_key=is_unknown)
    where = f"{name}:{position.line}:{position.column}" if position else name
    what = "is not a field that is known here" if is_unknown else violation.message
    described = f"{violation.field}: {what}" if violation.field else what
    click.echo(f"  {click.style(where, bold=True)}  {printable(described)}", err=True)
    if position is not None:
        _show_line(position, text)
    if violation.expected is not None:
        click.echo(f"    {click.style('expected', fg='cyan')}: {violation.expected}", err=True)
    if violation.received is not None and not is_unknown:
        click.echo(f"    received: {printable(violation.received)}", err=True)
    if meant := _meant(violation, known if is_unknown else ()):
        click.echo(f"    {click.style('help', fg='cyan')}: did you mean `{meant}`?", err=True)


def _of_kind(violation: Violation) -> Violation:
    """A kind that nobody knows, at the very word that names it."""
    said = _UNKNOWN_KIND.fullmatch(violation.message)
    if said is None:
        return violation
    field = f"{violation.field}.{said['field']}".lstrip(".")
    expected = said["expected"].replace("'", "")
    return Violation(field, "is no kind that is known here", expected, said["received"])


def _meant(violation: Violation, known: Collection[str]) -> str | None:
    """The known name, or the allowed value, that is nearly what was written."""
    if known:
        written, choices = violation.field.rpartition(".")[2], list(known)
    else:
        written = (violation.received or "").strip("'\"")
        said = f"{violation.message} {violation.expected or ''}"
        choices = [word for word in re.findall(r"[A-Za-z_]\w{2,}", said) if word != written]
    close = difflib.get_close_matches(written, choices, n=1, cutoff=0.75)
    return close[0] if close else None


def _show_line(position: Position, text: str) -> None:
    line = text.splitlines()[position.line - 1]
    margin = " " * 6
    click.echo(f"{position.line:>6} │ {printable(line)}", err=True)
    caret = " " * (position.column - 1) + "^" * position.width
    click.echo(f"{margin} │ {click.style(caret, fg='red')}", err=True)
