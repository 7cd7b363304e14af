"""The family of datasets: an immutable, content-addressed set of examples in some format.

A dataset is a frozen value of the request that can do the following. Nothing outside the store and the
package is ever read.

    open(store)    -> Examples   all of it, in memory; raises BadData naming file and line
    schema(store)  -> Schema     its columns, known without reading all of a large file
    digest(store)  -> str        the SHA-256 of its bytes
"""

from typing import Annotated

from pydantic import Field

from modelyard.datasets.csv import CSV
from modelyard.datasets.image_folder import ImageFolder
from modelyard.datasets.jsonl import JSONL
from modelyard.datasets.npz import NPZ

Dataset = Annotated[CSV | JSONL | NPZ | ImageFolder, Field(discriminator="type")]

__all__ = [
    "CSV",
    "JSONL",
    "NPZ",
    "Dataset",
    "ImageFolder",
]
