"""What the generators of reference pages share: `python docs/generate_X_reference.py` writes the page, `--print` only shows it."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

REFERENCE = Path(__file__).parent / "reference"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("|" + "|".join(_cell(cell) for cell in line) + "|" for line in lines) + "\n"


def one_line(text: str) -> str:
    return " ".join(text.split())


def run(name: str, page: Callable[[], str]) -> None:
    if "--print" in sys.argv:
        sys.stdout.write(page())
    else:
        (REFERENCE / name).write_text(page())


def _cell(text: str) -> str:
    if text == "---":
        return text
    return f" {text.replace('|', chr(92) + '|')} " if text else " "
