"""The documentation speaks of what is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "services" / "modelyard"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_every_metric_is_documented_and_every_documented_metric_exists() -> None:
    files = SOURCE.glob("*/metrics.py")
    defined = set(re.findall(r'"(modelyard_[a-z_]+)"', "".join(f.read_text() for f in files)))
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    documented = set(re.findall(r"`(modelyard_[a-z_]+)`", page))
    assert {name.removesuffix("_total") for name in documented} == {
        name.removesuffix("_total") for name in defined
    }


def test_the_reference_of_a_request_is_that_of_the_schema() -> None:
    """If it fails: `make docs`."""
    script = ROOT / "docs" / "generate_request_reference.py"
    done = subprocess.run(
        [sys.executable, str(script), "--print"], capture_output=True, text=True, check=True
    )
    assert done.stdout == (ROOT / "docs" / "reference" / "request.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_target_of_make_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    named = {t for page in PAGES for t in re.findall(r"make ([a-z0-9-]+)`", page.read_text())}
    assert named <= targets
