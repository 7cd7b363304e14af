"""Looks through a whole dataset once, and remembers what it came to beside the dataset.

Whether a column holds numbers, and which classes there are, only the last row can tell.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.datasets import isolation
from modelyard.datasets import source as sources
from modelyard.datasets.looks import Looks
from modelyard.datasets.summary import Summary
from modelyard.storage import write_atomically

if TYPE_CHECKING:
    from modelyard.dataset_store import DatasetStore
    from modelyard.datasets import Dataset

_FORMAT = 1
"""Counts the changes of what is remembered, or of how files are read."""
_MOST_REMEMBERED = 32
"""Ways of reading one dataset."""
_MOST_BYTES = 8 * 1024 * 1024
SMALL = 32 * 1024 * 1024
"""Bytes of a file that is looked through at once, in this process: about a second."""
_LOOKS = Looks()


def summary(dataset: Dataset, store: DatasetStore) -> Summary:
    """Raises BadData naming the row that is not what it should be.

    Raises Unavailable if that takes longer than the store has patience for; the look goes on.
    """
    folder = store.summaries(dataset.digest(store))
    file = folder / f"{_key(dataset)}.json"
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        return Summary.of_json(file.read_bytes())
    path, title = sources.file(dataset.source, store)
    if dataset.type != "parquet" and path.stat().st_size <= SMALL:
        found = dataset.summarise(store)
        _remember(file, found)
        return found
    return _LOOKS.at(file, lambda: _isolated(dataset, store, title, file), store.patience)


def _isolated(dataset: Dataset, store: DatasetStore, title: str, file: Path) -> Summary:
    answer = isolation.ask("summarise", dataset.model_dump(mode="json"), store.root, title)
    found = Summary.of_json(json.dumps(answer).encode())
    _remember(file, found)
    return found


def _key(dataset: Dataset) -> str:
    way = [_FORMAT, dataset.model_dump(mode="json", exclude={"source"})]
    return hashlib.sha256(json.dumps(way, sort_keys=True).encode()).hexdigest()[:32]


def _remember(file: Path, found: Summary) -> None:
    text = json.dumps(found.json(), separators=(",", ":")).encode()
    if len(text) > _MOST_BYTES or _count(file.parent) >= _MOST_REMEMBERED:
        return
    with suppress(OSError):  # a full or read-only disk: it is found again the next time
        write_atomically(file, text)


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*.json"))
