"""Datasets: sent once, named by their content."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.client.http import Http


@dataclass(frozen=True)
class UploadedDataset:
    digest: str
    uri: str
    """What a request names it by: `dataset://<digest>`."""
    bytes: int


class Datasets:
    def __init__(self, http: Http) -> None:
        self._http = http

    def upload(self, path: Path | str) -> UploadedDataset:
        """The same bytes are stored once, so sending a file again is harmless."""
        file = Path(path)
        # Read as a whole where a retry may need it again; the service bounds the size anyway.
        answer = self._http.call(
            "POST",
            "/v1/datasets",
            safe=True,
            params={"filename": file.name},
            content=file.read_bytes(),
            headers={"Content-Type": "application/octet-stream"},
        )
        return UploadedDataset(answer["digest"], answer["uri"], int(answer["bytes"]))

    def list(self) -> Iterator[dict[str, Any]]:
        yield from self._http.get("/v1/datasets")["datasets"]
