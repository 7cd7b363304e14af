"""The pages of docs/reference that are made from the code are those of the code."""

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
GENERATORS = sorted(DOCS.glob("generate_*.py"))


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda path: path.stem)
def test_a_generated_page_is_up_to_date(generator: Path) -> None:
    """If it fails: `make docs`."""
    done = subprocess.run(
        [sys.executable, str(generator), "--print"], capture_output=True, text=True, check=True
    )
    title = done.stdout.partition("\n")[0]
    pages = [page.read_text() for page in (DOCS / "reference").glob("*.md")]
    (committed,) = (page for page in pages if page.partition("\n")[0] == title)
    assert committed == done.stdout
