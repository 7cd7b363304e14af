"""The types of the client reach whoever installed it, and a strict checker agrees with them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
USAGE = Path(__file__).with_name("typed_usage.py")


def test_a_strict_checker_reads_the_types(tmp_path: Path) -> None:
    """Without our configuration, from another folder: only `py.typed` tells it that there are any."""
    (tmp_path / "usage.py").write_text(USAGE.read_text())
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores"]
    cache = ("--cache-dir", str(ROOT / ".mypy_cache" / "usage"), "--config-file", "")
    done = subprocess.run(
        [*command, *cache, "usage.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
