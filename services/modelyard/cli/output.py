"""What commands print: data on stdout, all talk on stderr, no escape codes unless a person is looking."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

output_option = click.option(
    "-o",
    "--format",
    "output",
    type=click.Choice(["table", "json", "jsonl", "yaml", "name"]),
    default="table",
    show_default=True,
    help="table is for people and promises nothing; the keys of json are those of the HTTP API.",
)


def console(*, err: bool = True) -> "Console":
    # Late: a command that prints JSON does not need rich.
    from rich.console import Console

    return Console(stderr=err, highlight=False, soft_wrap=True)


def is_terminal() -> bool:
    """Whether a person watches stderr live; a build server may pretend to be a terminal."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def program() -> str:
    """What to type to run this program again: its name if the shell finds it, else its path."""
    here = Path(sys.executable).parent / "modelyard"
    found = shutil.which("modelyard")
    if found and here.is_file() and Path(found).samefile(here):
        return "modelyard"
    if not here.is_file():
        return f"{sys.executable} -m modelyard.cli"
    return min(os.path.relpath(here), str(here), key=len)


def say(text: str) -> None:
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_yaml(value: Any) -> None:
    # Late: most commands print no YAML.
    import yaml

    click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip("\n"))


def print_all(
    values: Iterable[Any],
    form: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    key: str = "name",
) -> None:
    """The same things as a table, one JSON array, one JSON object a line, YAML, or what they are called by `key`."""
    match form:
        case "json":
            print_json(list(values))
        case "jsonl":
            for value in values:
                _print_line(value)
        case "yaml":
            print_yaml(list(values))
        case "name":
            for value in values:
                click.echo(value[key])
        case _:
            print_table(columns, rows)


def print_one(value: Any, form: str, show: Callable[[], None], *, name: str) -> None:
    """One thing in the form that was asked for; `show` prints it for people."""
    match form:
        case "json":
            print_json(value)
        case "jsonl":
            _print_line(value)
        case "yaml":
            print_yaml(value)
        case "name":
            click.echo(name)
        case _:
            show()


def _print_line(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def print_facts(facts: Mapping[str, Any]) -> None:
    """One thing for people; what is empty is left out."""
    width = max(map(len, facts), default=0) + 2
    for name, fact in facts.items():
        if fact not in ("", None):
            click.echo(f"{name:<{width}}{text(fact)}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns as wide as what they hold; the last is never cut, so that grep and awk can work on it."""
    lines = [[text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
    for number, line in enumerate([list(columns), *lines]):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.secho("  ".join(padded).rstrip(), bold=number == 0)


def text(value: Any) -> str:
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value)
        case _:
            return printable(str(value))


def printable(line: str) -> str:
    """Without what a terminal would obey: names, messages and logs come from elsewhere."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)


def number(value: float) -> str:
    """Four digits that matter."""
    return f"{value:.4g}"


def bar(share: float, width: int = 30) -> str:
    full = "█" if _speaks_unicode(sys.stdout) else "#"
    return full * round(share * width)


def marks() -> dict[str, str]:
    """Signs that say how something went; never the colour alone."""
    if _speaks_unicode(sys.stderr):
        return {"ok": "✔", "bad": "✖", "warn": "▲", "busy": "●"}
    return {"ok": "+", "bad": "x", "warn": "!", "busy": "*"}


def mark(kind: str) -> str:
    colours = {"ok": "green", "bad": "red", "warn": "yellow", "busy": "blue"}
    return click.style(marks()[kind], fg=colours[kind])


def _speaks_unicode(stream: Any) -> bool:
    return "utf" in (getattr(stream, "encoding", None) or "").lower()
