"""Who uses a dataset: jobs that have not ended, and versions that were trained on it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from modelyard.errors import NotFound
from modelyard.journal import Journal
from modelyard.model_store import Manifest, ModelStore


@dataclass(frozen=True)
class Usage:
    jobs: list[str] = field(default_factory=list)
    """Ids of those that wait or run."""
    models: list[dict[str, str | int]] = field(default_factory=list)
    """`model` and `version` of those whose lineage names the dataset."""

    def names(self, *, lineage: bool = True) -> list[str]:
        """For messages."""
        versions = [f"model {use['model']} version {use['version']}" for use in self.models]
        return [f"job {job}" for job in self.jobs] + (versions if lineage else [])


class DatasetUsage:
    """Asks the journal, which knows of a job before its user does, whatever became of the store."""

    def __init__(self, journal: Journal, models: ModelStore) -> None:
        self._journal = journal
        self._models = models
        self._named: dict[str, str] = {}
        """The source that a job names; neither that nor its end ever changes."""
        self._ended: set[str] = set()

    def of(self, digest: str) -> Usage:
        return Usage(self._jobs(f"dataset://{digest}"), self._versions(digest))

    def _jobs(self, source: str) -> list[str]:
        return sorted(
            job
            for job in self._journal.ids()
            if job not in self._ended and self._source(job) == source and self._is_open(job)
        )

    def _source(self, job: str) -> str | None:
        if job not in self._named:
            try:
                accepted = json.loads((self._journal.root / job / "job.json").read_bytes())
                self._named[job] = accepted["request"]["dataset"]["source"]
            except (FileNotFoundError, KeyError):
                return None  # only a folder was made
        return self._named[job]

    def _is_open(self, job: str) -> bool:
        entry = self._journal.read(job)
        if entry is not None and entry.end is not None:
            self._ended.add(job)
        return job not in self._ended

    def _versions(self, digest: str) -> list[dict[str, str | int]]:
        return [
            {"model": manifest.model, "version": manifest.version}
            for manifest in self._manifests()
            if manifest.lineage.dataset == digest
        ]

    def _manifests(self) -> Iterator[Manifest]:
        for name in self._models.names():
            for version in self._models.versions(name):
                with suppress(NotFound):  # removed meanwhile
                    manifest = self._models.manifest(name, version)
                    if manifest is not None:
                        yield manifest
