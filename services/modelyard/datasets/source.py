"""Where a dataset's bytes are: shipped in the package, or uploaded to the store. Never a path of the request."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from modelyard.dataset_store import DatasetStore
from modelyard.errors import InvalidRequest, NotFound
from modelyard.storage import sha256

BUILTIN = {
    "digits": "digits.npz",
    "sms": "sms.csv",
    "airline": "airline.csv",
    "abalone": "abalone.csv",
}
"""The real, small datasets that the package ships; their licences lie beside them."""

_BUILTIN_FOLDER = Path(__file__).parent / "builtin"


def _checked(source: str) -> str:
    scheme, _, name = source.partition("://")
    if scheme == "builtin" and name not in BUILTIN:
        raise ValueError(f"there is no built-in dataset {name!r}; there are {', '.join(BUILTIN)}")
    if scheme == "dataset" and not DatasetStore.is_digest(name):
        raise ValueError(
            "dataset:// is followed by the SHA-256 that the upload answered, 64 hexadecimal digits"
        )
    if scheme not in ("builtin", "dataset"):
        raise ValueError(
            "a dataset is builtin://NAME or dataset://SHA256; upload a file to get the latter"
        )
    return source


Source = Annotated[str, Field(max_length=200), AfterValidator(_checked)]
"""`builtin://digits`, or `dataset://` and the SHA-256 of an upload."""


Name = Annotated[str, Field(min_length=1, max_length=200)]
"""Of a column."""
Kinds = Annotated[dict[Name, Literal["number", "text"]], Field(max_length=10_000)]
"""What columns hold, by their names."""


def builtin_file(name: str) -> Path:
    return _BUILTIN_FOLDER / BUILTIN[name]


def file(source: str, store: DatasetStore) -> tuple[Path, str]:
    """Where the bytes are, and what messages call them."""
    return locate(source, store), title(source, store)


def locate(source: str, store: DatasetStore) -> Path:
    """The file. Raises InvalidRequest on `dataset.source` if nothing was uploaded under that digest."""
    scheme, _, name = source.partition("://")
    if scheme == "builtin":
        return builtin_file(name)
    try:
        return store.path(name)
    except NotFound as error:
        raise _missing(source, error) from None


@contextmanager
def held(source: str, store: DatasetStore) -> Iterator[None]:
    """Nobody deletes the upload meanwhile. Whoever makes its use durable does it in here.

    Raises InvalidRequest on `dataset.source` if it is gone.
    """
    scheme, _, name = source.partition("://")
    if scheme == "builtin":
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(store.held(name))
        except NotFound as error:
            raise _missing(source, error) from None
        yield


def title(source: str, store: DatasetStore) -> str:
    """What messages call the file: its own name if it is known."""
    scheme, _, name = source.partition("://")
    if scheme == "builtin":
        return BUILTIN[name]
    return store.info(name).name or name[:12]


def digest(source: str, store: DatasetStore) -> str:
    """The SHA-256 of the bytes."""
    scheme, _, name = source.partition("://")
    return sha256(locate(source, store)) if scheme == "builtin" else name


def _missing(source: str, error: NotFound) -> InvalidRequest:
    return InvalidRequest.of(
        "dataset.source", error.message, received=source, reason="DATASET_NOT_FOUND"
    )
