"""Links lead to headings that are there, and every page can be found."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_heading_finds_it(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert anchor in _anchors(target), f"{path}#{anchor}"


def test_the_index_names_every_page_once() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    named = sorted(re.findall(r"\(((?:how-to|reference)/[^)]+)\)", index))
    there = [p for part in ("how-to", "reference") for p in (ROOT / "docs" / part).glob("*.md")]
    assert named == sorted(str(page.relative_to(ROOT / "docs")) for page in there)


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_recorded_session_is_shown_without_anything_from_elsewhere() -> None:
    picture = (ROOT / "docs" / "session.svg").read_text()
    assert "modelyard" in picture
    assert not re.search(r"url\([\"']?https?:|href=\"https?:|@import", picture)
