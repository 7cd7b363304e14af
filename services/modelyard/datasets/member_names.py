"""Names of files in archives: only those that a plain, honest archive would hold."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from modelyard.errors import BadData

UNSAFE = "UNSAFE_ARCHIVE"
"""The reason of archives that are built to do harm, or by a tool that cannot be trusted."""
_LONGEST = 1024


def check(name: str, title: str) -> None:
    """Raises BadData for a name that would lead out of a folder it were unpacked into."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not name.isprintable() or len(name) > _LONGEST:
        raise _unsafe(name, title, f"at most {_LONGEST} printable letters")
    is_drive = len(name) > 1 and name[1] == ":"
    if path.is_absolute() or is_drive or not path.parts:
        raise _unsafe(name, title, "a relative path")
    if ".." in path.parts:
        raise _unsafe(name, title, "a path below the archive")


def check_once(names: Iterable[str], title: str) -> None:
    """Raises BadData if two files have one name: which of them is meant, every tool tells differently."""
    seen: set[PurePosixPath] = set()
    for name in names:
        path = PurePosixPath(name)
        if path in seen:
            raise BadData.of(
                f"{title}/{name}", "comes twice", expected="a name of its own", reason=UNSAFE
            )
        seen.add(path)


def _unsafe(name: str, title: str, expected: str) -> BadData:
    shown = "".join(c if c.isprintable() else "?" for c in name[:80])
    return BadData.of(
        f"{title}/{shown}", "is no safe name", expected=expected, received=shown, reason=UNSAFE
    )
