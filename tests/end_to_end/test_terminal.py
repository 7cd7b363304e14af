"""At a terminal one line lives while a job runs, and the cursor is there again afterwards."""

import os
import pty
import signal
import subprocess
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(240)

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_line_that_lives_and_a_cursor_that_returns(shell: Any, interrupted: bool) -> None:
    request = shell.request(
        "interrupted" if interrupted else "terminal", 2000 if interrupted else 2
    )
    screen, terminal = pty.openpty()
    watcher = subprocess.Popen(
        shell.command("train", request),
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        cwd=shell.folder,
        env={**os.environ, "TERM": "xterm", "CI": ""},
    )
    os.close(terminal)

    said = ""
    while chunk := read(screen):
        said += chunk
        if interrupted and "/2000" in said and "goes on" not in said:
            watcher.send_signal(signal.SIGINT)
            interrupted = False
    os.close(screen)

    was_interrupted = "goes on" in said
    assert watcher.wait(30) == (130 if was_interrupted else 0), said
    assert HIDE in said
    assert said.rindex(SHOW) > said.rindex(HIDE)
    if was_interrupted:
        job = said.partition("submitted    job ")[2].split()[0]
        assert shell("jobs", "cancel", job).returncode == 0
        assert shell("jobs", "watch", job).returncode == 8
    else:
        assert "published    terminal version 1" in said


def read(screen: int) -> str:
    try:
        return os.read(screen, 65536).decode(errors="replace")
    except OSError:  # the other side was closed
        return ""
