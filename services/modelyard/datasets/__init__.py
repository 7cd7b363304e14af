"""The family of datasets: an immutable, content-addressed set of examples in some format.

A dataset is a frozen value of the request that can do the following. Nothing outside the store and the
package is ever read.

    open(store)        -> Examples   all of it, in memory; raises BadData naming file and line
    head(store, rows)  -> Examples   the first rows
    schema(store)      -> Schema     its columns; looked through once, and remembered in the store
    summarise(store)   -> Summary    what all of it comes to, in bounded memory; see `inspection`
    digest(store)      -> str        the SHA-256 of its bytes
"""

from typing import Annotated

from pydantic import Field

from modelyard.datasets.csv import CSV
from modelyard.datasets.image_folder import ImageFolder
from modelyard.datasets.jsonl import JSONL
from modelyard.datasets.npz import NPZ
from modelyard.datasets.parquet import Parquet

Dataset = Annotated[CSV | JSONL | NPZ | ImageFolder | Parquet, Field(discriminator="type")]

__all__ = [
    "CSV",
    "JSONL",
    "NPZ",
    "Dataset",
    "ImageFolder",
    "Parquet",
]
