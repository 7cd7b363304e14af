"""Writes docs/reference/command-line.md from the commands themselves; `make docs` runs it."""

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from modelyard.cli.app import root

PAGE = Path(__file__).parent / "reference" / "command-line.md"
HEAD = """\
# Command line

Generated from the commands by `make docs`; `modelyard COMMAND --help` tells the same at the prompt.

Data goes to stdout, progress and messages to stderr. Without a terminal there are plain lines and no escape codes; `NO_COLOR` is respected. With `-o json`, `jsonl` or `yaml` the keys are those of the HTTP API; `-o name` prints ids or names alone, one a line, for scripts; the table is for people and promises nothing.

## Exit codes

| code | meaning |
|---|---|
| 0 | ok; the job succeeded |
| 1 | the job failed or expired, or something else went wrong |
| 2 | wrong usage, or a request that cannot be right |
| 3 | not found |
| 4 | nobody answers |
| 5 | not allowed |
| 6 | conflict, such as one idempotency key for two different requests |
| 7 | the wait is over; the job goes on |
| 8 | the job was cancelled |
| 130 | Ctrl-C: stopped watching; the job goes on |

`train`, `jobs watch`, `jobs wait` and `logs -f` end with the code of the job.

## Where it looks for the services

The first that says something decides, for the jobs API and inference alone; `modelyard config view --explain` shows all of them:

1. `--url` and `--grpc`
2. `--context NAME`
3. `MODELYARD_URL` and `MODELYARD_GRPC`
4. `MODELYARD_CONTEXT`, else the context in use, from `~/.config/modelyard/config.toml` (elsewhere with `MODELYARD_CONFIG` or `XDG_CONFIG_HOME`)
5. what `up` runs from `MODELYARD_HOME` (default `./var`)
6. `http://127.0.0.1:7070` and `127.0.0.1:50051`

```toml
current = "prod"

[contexts.prod]
url = "https://models.example.org"
grpc = "models.example.org:50051"
```

## Completion

```
eval "$(modelyard completion bash)"      # in ~/.bashrc; zsh alike
modelyard completion fish | source       # in ~/.config/fish/config.fish
```

Job ids, names of models, datasets and contexts are completed too, as far as the running system answers within 150 ms.

"""


def page() -> str:
    ctx = click.Context(root, info_name="modelyard")
    sections = [section for name in root.list_commands(ctx) for section in _sections(ctx, name)]
    return HEAD + "## Global options\n\n" + _options(root, ctx) + "\n" + "\n".join(sections)


def _sections(ctx: click.Context, name: str) -> Iterator[str]:
    command = root.get_command(ctx, name)
    assert command is not None
    below = click.Context(command, info_name=name, parent=ctx)
    yield _section(command, below, "##")
    if isinstance(command, click.Group):
        for verb in command.list_commands(below):
            found = command.get_command(below, verb)
            assert found is not None
            yield _section(found, click.Context(found, info_name=verb, parent=below), "###")


def _section(command: click.Command, ctx: click.Context, level: str) -> str:
    name = ctx.command_path.removeprefix("modelyard ")
    usage = " ".join([f"modelyard {name}", *command.collect_usage_pieces(ctx)])
    parts = [f"{level} {name}", f"`{usage}`", _help(command)]
    if options := _options(command, ctx):
        parts.append(options.rstrip("\n"))
    return "\n\n".join(part for part in parts if part) + "\n"


def _help(command: click.Command) -> str:
    """Paragraphs; those that begin with a backspace are examples, as they stand."""
    paragraphs = re.split(r"\n\s*\n", cleandoc(command.help or ""))
    shown = []
    for paragraph in paragraphs:
        if paragraph.startswith("\b"):
            shown.append("```\n" + paragraph.removeprefix("\b").strip("\n") + "\n```")
        else:
            shown.append(" ".join(paragraph.split()))
    return "\n\n".join(shown)


def _options(command: click.Command, ctx: click.Context) -> str:
    rows = [
        record
        for parameter in command.get_params(ctx)
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx))
    ]
    rows = [(names, told) for names, told in rows if not names.endswith("--help")]
    if not rows:
        return ""
    lines = [f"| `{_cell(names)}` | {_cell(told)} |" for names, told in rows]
    return "\n".join(["| option | meaning |", "|---|---|", *lines]) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page())
