"""The Python and console blocks of README.md and docs/how-to do what they say, against a fake server.

Every block is run, in the order of its page, in an empty folder that holds `examples/`; the command line and
the client find the fake by the environment. What readers need not see stands in a comment before the block:

    <!-- not run: why -->           this block is not run
    <!-- file: NAME -->             this block, of any language, is the content of a file
    <!-- file: NAME                 … and this one is the file itself
    its content
    -->
    <!-- setup: python              code that is run before, in the same names
    history = [1.0, 2.0]
    -->

Only our own command line and a few harmless programs are run; a block of other commands says why it is not.
A console block: `$ ` begins a command, a line that ends with `\\` goes on. The lines after it, if there are
any, are what it must print; a line that is or ends with `…` stands for anything. A command must succeed,
unless what it prints begins with `error[`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from modelyard.client import Client
from modelyard.testing import FakeServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]

_RUN = re.compile(r"(\.venv/bin/)?(modelyard|python|cat|echo|head|ls|printf|true|false)\b")

_PIECE = re.compile(
    r"<!--(?P<comment>.*?)-->"
    r"|^(?P<indent> *)```(?P<language>[a-z]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    line: int
    notes: tuple[str, ...]
    """The comments between it and what is before it."""

    def note(self, name: str) -> str | None:
        """What a comment of one line says."""
        for note in self.notes:
            if note.startswith(f"{name}:") and "\n" not in note:
                return note.removeprefix(f"{name}:").strip()
        return None


@dataclass
class Page:
    """Runs blocks as a reader would who tries one after the other."""

    path: Path
    folder: Path
    environment: dict[str, str]
    names: dict[str, Any]

    def run(self, block: Block) -> None:
        for note in block.notes:
            self._prepare(note)
        file = block.note("file")
        if file is not None:
            (self.folder / file).write_text(block.code)
        elif block.note("not run") is not None:
            assert block.note("not run"), f"{self._place(block)}: say why it is not run"
        elif block.language == "python":
            self._python(block.code, self._place(block))
        elif block.language == "console":
            self._console(block)

    def close(self) -> None:
        """What a reader closes by leaving Python."""
        for value in self.names.values():
            if isinstance(value, Client):
                value.close()

    def _prepare(self, note: str) -> None:
        kind, _, content = note.partition("\n")
        if kind.startswith("file:") and content:
            (self.folder / kind.removeprefix("file:").strip()).write_text(content)
        elif kind.startswith("setup:"):
            assert kind == "setup: python", f"only Python prepares a block, not {kind!r}"
            self._python(content, f"{self.path.name}, setup")

    def _python(self, code: str, place: str) -> None:
        exec(compile(code, place, "exec"), self.names)

    def _console(self, block: Block) -> None:
        found = list(commands(block.code))
        assert found, f"{self._place(block)}: a console block begins with `$ `"
        for command, expected in found:
            assert _RUN.match(command), f"{self._place(block)}: is not run here, and must say why"
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
            )
            where = f"{self._place(block)}: {command}\n{done.stdout}"
            assert (done.returncode == 0) != expected.startswith("error["), where
            assert not expected or matches(expected, done.stdout), f"{where}\nis not\n{expected}"

    def _place(self, block: Block) -> str:
        return f"{self.path.name}:{block.line}"


@pytest.fixture
def surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, dict[str, str]]]:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    with FakeServer() as fake:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MODELYARD_URL", fake.url)
        monkeypatch.setenv("MODELYARD_GRPC", fake.grpc)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        monkeypatch.setenv("COLUMNS", "100")
        yield tmp_path, dict(os.environ)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_blocks_of_a_page(path: Path, surroundings: tuple[Path, dict[str, str]]) -> None:
    folder, environment = surroundings
    page = Page(path, folder, environment, {})
    try:
        for block in blocks(path.read_text()):
            page.run(block)
    finally:
        page.close()


def blocks(text: str) -> Iterator[Block]:
    notes: list[str] = []
    end = 0
    for piece in _PIECE.finditer(text):
        if text[end : piece.start()].strip():
            notes = []
        end = piece.end()
        if piece["comment"] is not None:
            notes.append(piece["comment"].strip())
            continue
        line = text.count("\n", 0, piece.start()) + 1
        yield Block(piece["language"], dedent(piece["code"]), line, tuple(notes))
        notes = []


def commands(code: str) -> Iterator[tuple[str, str]]:
    """Each command with what it must print."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command = re.match(r"(?:[^\n]*\\\n)*[^\n]*", part)
        assert command is not None
        yield command[0], part[command.end() :].strip("\n")


def matches(expected: str, printed: str) -> bool:
    parts = (re.escape(part.rstrip()) for part in expected.split("…"))
    pattern = ".*".join(parts).replace(r"\ \n", r"\n")
    return re.fullmatch(pattern, printed.strip("\n"), re.DOTALL) is not None


def test_a_block_is_found_with_what_was_said_about_it() -> None:
    text = dedent(
        """\
        <!-- not run: it takes long -->
        Some words.

        <!-- setup: python
        x = 1
        -->
        ```python
        assert x == 1
        ```

           ```console
           $ echo one \\
               two
           one two
           ```
        """
    )
    python, console = blocks(text)
    assert (python.language, python.notes) == ("python", ("setup: python\nx = 1",))
    assert list(commands(console.code)) == [("echo one \\\n    two", "one two")]


def test_a_block_that_does_not_hold_is_told(tmp_path: Path) -> None:
    page = Page(ROOT / "README.md", tmp_path, dict(os.environ), {})
    for code in ("$ false\n", "$ echo one\ntwo\n", "$ true\nerror[X]: no\n", "no command\n"):
        with pytest.raises(AssertionError):
            page.run(Block("console", code, 1, ()))
    page.run(Block("console", "$ echo a; echo b; echo c\na\n…c\n", 1, ()))
    with pytest.raises(ZeroDivisionError):
        page.run(Block("python", "1 / 0", 1, ()))
    with pytest.raises(AssertionError, match="say why"):
        page.run(Block("python", "1 / 0", 1, ("not run:",)))
