"""Requests to start from, one file each. A file opens with a comment that says what it is."""

from importlib import resources

from modelyard.errors import NotFound

_SUFFIX = ".yaml"


def names() -> list[str]:
    files = (file.name for file in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX))


def read(name: str) -> str:
    """Raises NotFound."""
    if name not in names():
        raise NotFound(f"there is no template {name!r}; there are: {', '.join(names())}")
    return (resources.files(__name__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """Its first comment."""
    comment = []
    for line in read(name).splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return " ".join(comment)
