"""Records a terminal session for the README: `make record` runs it for real and writes docs/session.svg and docs/session.cast.

The commands run in a pseudo-terminal, in an empty folder with the example requests, against services of their own. The .cast is
the whole session with its timing (asciicast v2, for `asciinema play`); the .svg is what stands on the screen at the end of each command.
"""

import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from rich import _export_format
from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
ROOT = DOCS.parent
COLUMNS, LINES = 104, 40
BROKEN = """\
name: digits
task: {type: image_classification}
dataset: {type: npz, source: builtin://digits}
network: {type: cnn, filters: [16, 32], units: [0]}
training:
  epoch: 12
publish: {model: digits}
"""
SESSION = {
    "modelyard up --detach": 0,
    "modelyard train broken.yaml": 2,
    "modelyard train examples/digits.yaml": 0,
    "modelyard predict digits examples/digits/seven.png examples/digits/three.png": 0,
    "modelyard jobs metrics $(modelyard jobs list -o name) | sed -n '1,2p;$p'": 0,
    "modelyard models get digits": 0,
    "modelyard predict digits broken.yaml": 2,
    "modelyard down": 0,
}
"""Commands, and how each must end: what went wrong otherwise is not shown to anybody."""


@dataclass
class Cast:
    """What was written, and when."""

    began: float = field(default_factory=time.monotonic)
    events: list[tuple[float, str]] = field(default_factory=list)

    def add(self, text: str) -> str:
        self.events.append((round(time.monotonic() - self.began, 3), text))
        return text

    def write(self, path: Path) -> None:
        head = {"version": 2, "width": COLUMNS, "height": LINES, "title": "Modelyard"}
        lines = [json.dumps(head), *(json.dumps([at, "o", text]) for at, text in self.events)]
        path.write_text("\n".join(lines) + "\n")


def record(folder: Path, cast: Cast) -> Iterator[tuple[str, str]]:
    """Each command with what it wrote."""
    for command, code in SESSION.items():
        cast.add(f"$ {command}\r\n")
        yield command, "".join(cast.add(text) for text in _run(command, code, folder))


def _run(command: str, code: int, folder: Path) -> Iterator[str]:
    """What the command writes, as it comes. Raises RuntimeError if it does not end with `code`."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "-c", command], _environment(folder))  # noqa: S606, S607  # ours
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    while select.select([terminal], [], [], 300)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side was closed
            break
        if not data:
            break
        yield data.decode(errors="replace")
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if ended != code:
        raise RuntimeError(f"`{command}` ended with {ended}, expected {code}")


def _environment(folder: Path) -> dict[str, str]:
    known = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
    path = f"{Path(sys.executable).parent}:{known['PATH']}"
    terminal = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES)}
    unicode = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    return known | terminal | unicode | {"PATH": path, "HOME": str(folder)}


def screen(text: str) -> list[str]:
    """The lines that are left when what was overwritten is gone; colours stay in them."""
    lines, row, fresh = [""], 0, False
    for part in re.split(r"(\r\n|\n|\r|\x1b\[[0-9;?]*[A-Za-z])", text):
        if part in ("\r\n", "\n"):
            row, fresh = row + 1, False
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            fresh = True  # what comes next replaces the line
        elif part.endswith("K") and part.startswith("\x1b["):
            lines[row] = ""
        elif part.endswith("A") and part.startswith("\x1b["):
            row, fresh = max(0, row - int(part[2:-1] or 1)), True
        elif part.startswith("\x1b[") and not part.endswith("m"):
            continue  # the cursor is hidden or shown
        elif part:
            lines[row] = (lines[row] if not fresh else "") + part
            fresh = False
    return lines


def picture(session: list[tuple[str, str]]) -> str:
    with open(os.devnull, "w") as nowhere:
        console = Console(
            record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        for command, output in session:
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            for line in screen(output):
                for part in _folded(Text.from_ansi(line)):
                    console.print(part, soft_wrap=True)
        return console.export_svg(title="modelyard", code_format=_format())


def _folded(line: Text) -> Iterable[Text]:
    """A terminal goes on in the next line, in the middle of a word."""
    return line.divide(range(COLUMNS, len(line), COLUMNS)) if len(line) > COLUMNS else [line]


def _format() -> str:
    """Rich's own frame, without the fonts that it would fetch from elsewhere."""
    plain = re.sub(r"@font-face \{\{.*?\}\}\s*", "", _export_format.CONSOLE_SVG_FORMAT, flags=re.S)
    return plain.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="modelyard-"))
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "broken.yaml").write_text(BROKEN)
    cast = Cast()
    try:
        session = list(record(folder, cast))
    finally:
        down = [sys.executable, "-m", "modelyard.cli", "down"]
        subprocess.run(down, cwd=folder, env=_environment(folder), capture_output=True)  # noqa: S603  # ours
        shutil.rmtree(folder, ignore_errors=True)
    cast.write(DOCS / "session.cast")
    (DOCS / "session.svg").write_text(picture(session))


if __name__ == "__main__":
    main()
