"""Published versions of models, in TensorFlow Serving's own layout, and the aliases that name them.

    <root>/<name>/<version>/saved_model.pb  variables/  assets/
                            assets.extra/manifest.json  golden  tf_serving_warmup_requests
    <root>/<name>/aliases.json
    <root>/.staging/<job>-<fence>/        what is not published yet; on the same file system

A version becomes visible by one rename of a complete, verified, durable directory, and never changes.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from modelyard.errors import Conflict, FailedPrecondition, InvalidRequest, NotFound
from modelyard.storage import digests, fsync_dir, fsync_tree, locked, write_json

MANIFEST = "assets.extra/manifest.json"
GOLDEN = "assets.extra/golden"
WARMUP = "assets.extra/tf_serving_warmup_requests"

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
"""What names of models and aliases look like: safe as a folder, a label and a part of a URL."""


class Tensor(BaseModel):
    model_config = ConfigDict(frozen=True)

    dtype: str
    """NumPy's name of the dtype; `string` for text and bytes."""
    shape: tuple[int, ...]
    """With the batch dimension; -1 is open."""


class Signature(BaseModel):
    model_config = ConfigDict(frozen=True)

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


class Tolerance(BaseModel):
    """How far an answer may be from what training computed, by |a - b| <= absolute + relative * |b|."""

    model_config = ConfigDict(frozen=True)

    absolute: float
    relative: float


class Lineage(BaseModel):
    """Where a version comes from."""

    model_config = ConfigDict(frozen=True)

    job: str
    fence: int
    dataset: str
    """The digest of the dataset."""
    seed: int
    libraries: dict[str, str]


class Manifest(BaseModel):
    """What a version is and where it came from; `format` counts the changes of this file's meaning."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    model: str
    version: int
    created_at: str
    task: dict[str, Any]
    """The task of the request, with `type`."""
    network: dict[str, Any]
    parameters: int
    classes: tuple[str, ...] | None = None
    """What a classifier answers, in the order of its scores."""
    serving: dict[str, Any] = {}
    """What a typed call needs beside the classes, such as `window`, `horizon`, `size`; the task's own."""
    signatures: dict[str, Signature]
    tolerance: dict[str, Tolerance]
    """By NumPy's name of the dtype; what is not named must be equal."""
    metrics: dict[str, float]
    """On the held-out test examples."""
    baseline: dict[str, float] = {}
    """The same metrics of the answer that needs no network: the majority class, the seasonal naive."""
    statistics: dict[str, Any] = {}
    """Of the training data, as the task computed them."""
    lineage: Lineage
    files: dict[str, str] = {}
    """SHA-256 by relative path, of every file of the version but the manifest."""


class ModelStore:
    """The model directory. Every method may be called by several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        if not self.root.is_dir():
            return []
        return sorted(f.name for f in self.root.iterdir() if f.is_dir() and is_name(f.name))

    def versions(self, name: str) -> list[int]:
        """The visible versions, lowest first; none if there is no such model."""
        folder = self.root / name
        if not is_name(name) or not folder.is_dir():
            return []
        return sorted(int(f.name) for f in folder.iterdir() if f.name.isdecimal() and f.is_dir())

    def path(self, name: str, version: int) -> Path:
        """Accepts the leading zeros that TensorFlow Serving accepts in the names of versions."""
        plain = self.root / name / str(version)
        if plain.is_dir() or not (self.root / name).is_dir():
            return plain
        padded = (
            f for f in plain.parent.iterdir() if f.name.isdecimal() and int(f.name) == version
        )
        return next(padded, plain)

    def manifest(self, name: str, version: int) -> Manifest | None:
        """None for a SavedModel that was not trained here; NotFound if there is no such version."""
        path = self.path(name, version)
        if not path.is_dir():
            raise NotFound(f"model {name!r} has no version {version}", reason="VERSION_NOT_FOUND")
        file = path / MANIFEST
        return Manifest.model_validate_json(file.read_bytes()) if file.is_file() else None

    def staging(self, job: str, fence: int) -> Path:
        """An empty folder for one attempt; what earlier attempts of the job left is swept."""
        folder = self.root / ".staging"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{job}-*"):
            if int(old.name.rpartition("-")[2]) <= fence:
                shutil.rmtree(old, ignore_errors=True)
        staged = folder / f"{job}-{fence}"
        staged.mkdir()
        return staged

    def seal(self, staged: Path, manifest: Manifest) -> Manifest:
        """Writes the manifest with the digest of every file, and makes the whole folder durable."""
        (staged / MANIFEST).parent.mkdir(exist_ok=True)
        (staged / MANIFEST).unlink(missing_ok=True)
        sealed = manifest.model_copy(update={"files": digests(staged)})
        write_json(staged / MANIFEST, sealed.model_dump(mode="json"))
        fsync_tree(staged)
        return sealed

    def publish(self, staged: Path, manifest: Manifest) -> Path:
        """Makes a sealed folder visible by one rename.

        Raises Conflict if the version exists: it is another attempt's, whose manifest tells whose.
        """
        final = self.root / manifest.model / str(manifest.version)
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(staged, final)
        except OSError as error:
            raise Conflict(
                f"{manifest.model} version {manifest.version} is already published"
            ) from error
        fsync_dir(final.parent)
        return final

    def published_by(self, job: str, name: str, version: int) -> bool:
        """Whether this version is visible and this job made it."""
        try:
            manifest = self.manifest(name, version)
        except NotFound:
            return False
        return manifest is not None and manifest.lineage.job == job

    def damage(self, name: str, version: int) -> list[str]:
        """The files that are not what the manifest says; empty for a version without a manifest."""
        manifest = self.manifest(name, version)
        if manifest is None:
            return []
        found = digests(self.path(name, version))
        found.pop(MANIFEST, None)
        return sorted(
            file
            for file in manifest.files.keys() | found.keys()
            if manifest.files.get(file) != found.get(file)
        )

    def aliases(self, name: str) -> dict[str, int]:
        file = self.root / name / "aliases.json"
        if not is_name(name) or not file.is_file():
            return {}
        aliases: dict[str, int] = json.loads(file.read_bytes())
        return aliases

    def set_aliases(self, name: str, aliases: Mapping[str, int | None]) -> dict[str, int]:
        """Moves aliases, or removes those that are given None; the others stay as they are."""
        check_name("model", name)
        for alias, version in aliases.items():
            check_name("alias", alias)
            if version is not None and version not in self.versions(name):
                raise NotFound(
                    f"model {name!r} has no version {version}", reason="VERSION_NOT_FOUND"
                )
        with locked(self.root / name / ".lock"):
            merged = self.aliases(name) | dict(aliases)
            result = {alias: version for alias, version in merged.items() if version is not None}
            write_json(self.root / name / "aliases.json", result)
        return result

    def delete(self, name: str, version: int) -> None:
        """Raises NotFound, and FailedPrecondition if an alias names the version."""
        with locked(self.root / name / ".lock"):
            if version not in self.versions(name):
                raise NotFound(
                    f"model {name!r} has no version {version}", reason="VERSION_NOT_FOUND"
                )
            named = sorted(a for a, named in self.aliases(name).items() if named == version)
            if named:
                raise FailedPrecondition(
                    f"version {version} of model {name!r} is named by {', '.join(named)}; move or remove the alias first",
                    reason="VERSION_HAS_ALIAS",
                )
            self._remove(name, version)

    def retain(self, name: str, newest: int) -> list[int]:
        """Removes all versions but the newest and those that an alias names; answers those removed."""
        with locked(self.root / name / ".lock"):
            keep = {*self.versions(name)[-newest:], *self.aliases(name).values()}
            removed = [version for version in self.versions(name) if version not in keep]
            for version in removed:
                self._remove(name, version)
        return removed

    def _remove(self, name: str, version: int) -> None:
        # Renamed first, so that nobody sees a version with half of its files.
        trash = self.root / ".staging" / f"removed-{name}-{version}-{os.getpid()}"
        trash.parent.mkdir(exist_ok=True)
        os.rename(self.path(name, version), trash)
        shutil.rmtree(trash, ignore_errors=True)


def is_name(text: str) -> bool:
    return NAME.fullmatch(text) is not None


def check_name(field: str, text: str) -> None:
    if not is_name(text):
        raise InvalidRequest.of(
            field,
            "not a name",
            expected="lower-case letters, digits, '.', '_' and '-', at most 63 characters",
            received=repr(text),
        )
