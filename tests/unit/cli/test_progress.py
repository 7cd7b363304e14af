"""How far something has come: a bar at a terminal, lines anywhere else, and a terminal that is left as it was."""

import os
import pty
import subprocess
import sys

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
SCRIPT = """
import time
from modelyard.cli.progress import Progress
with Progress("sending [red]a\x1b[2J.csv", unit="bytes") as progress:
    time.sleep(0.15)
    progress.reach(50, 100)
    progress.say("row 7 is bad")
    time.sleep(0.3)
    raise KeyboardInterrupt
"""


def test_a_bar_at_a_terminal_and_the_cursor_again() -> None:
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "CI": "", "COLUMNS": "120"},
    )
    os.close(terminal)
    said = ""
    while chunk := read(screen):
        said += chunk
    os.close(screen)
    process.wait(20)

    assert "50%" in said
    assert "50 of 100 bytes" in said
    assert "row 7 is bad" in said
    assert "[red]a" in said  # no markup
    assert "\x1b[2J" not in said  # and nothing that a name makes the terminal do
    assert HIDE in said
    assert said.rindex(SHOW) > said.rindex(HIDE)


def test_no_escape_codes_anywhere_else() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert "row 7 is bad" in done.stderr
    assert "\x1b" not in done.stderr


def read(screen: int) -> str:
    try:
        return os.read(screen, 65536).decode(errors="replace")
    except OSError:  # the other side was closed
        return ""
