"""Checkpoints: all that an attempt needs to go on as if nothing had happened.

    <work>/checkpoint/<epoch>-<step>-<digest of state.json>/
        state.json    where training is, and the digest of the arrays
        arrays.npz    weights, optimizer, random generators, running metrics, the best weights

A checkpoint becomes one by a rename, after all of it is durable; the one before is kept until then. One
that is torn, corrupt or of another request is not used.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from modelyard import faults
from modelyard.storage import fsync_dir, fsync_tree, sha256, write_json
from modelyard.training.plateau import Plateau
from modelyard.training.stopping import Stopping

FORMAT = 1
_STATE, _ARRAYS = "state.json", "arrays.npz"
_KEPT = 2


class Position(BaseModel):
    """Where training is. `epoch` counts those completed, `step` those done of the next one."""

    model_config = ConfigDict(frozen=True)

    epoch: int = 0
    step: int = 0
    is_finished: bool = False
    stopping: Stopping = Stopping()
    plateau: Plateau = Plateau()
    history: tuple[dict[str, float], ...] = ()
    """What was logged at the end of each completed epoch."""


class _State(BaseModel):
    model_config = ConfigDict(frozen=True)

    format: int
    fence: int
    request: str
    """The digest of the request that is trained."""
    position: Position
    arrays: str
    """The SHA-256 of the arrays' file."""


@dataclass(frozen=True)
class Checkpoint:
    position: Position
    arrays: Mapping[str, NDArray[Any]]


class Checkpoints:
    """The checkpoints of one job; `fence` is that of the attempt that writes."""

    def __init__(self, folder: Path, *, request: str, fence: int) -> None:
        self._folder = folder
        self._request = request
        self._fence = fence
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def save(self, checkpoint: Checkpoint, *, ask_lease: Callable[[], object]) -> None:
        """Durable on return. `ask_lease` raises to keep an attempt that was superseded from writing.

        Raises OSError if the disk is full; the checkpoint before is unharmed.
        """
        temporary = self._folder / f".tmp-{self._fence}"
        temporary.mkdir()
        try:
            digest = self._write(temporary, checkpoint)
            fsync_tree(temporary)
            ask_lease()
            faults.point("checkpoint.before_rename")
            self._place(temporary, checkpoint.position, digest)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._retain()

    def latest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest that can be used, and why newer ones cannot."""
        unusable: list[str] = []
        for folder in self._newest_first():
            try:
                return self._read(folder), unusable
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                unusable.append(f"checkpoint {folder.name} is not used: {error}")
        return None, unusable

    def position(self) -> Position | None:
        """Where the newest checkpoint is, its arrays unread."""
        for folder in self._newest_first():
            try:
                return self._state(folder).position
            except (OSError, ValueError):
                continue
        return None

    def _write(self, folder: Path, checkpoint: Checkpoint) -> str:
        np.savez(folder / _ARRAYS, allow_pickle=False, **checkpoint.arrays)
        state = _State(
            format=FORMAT,
            fence=self._fence,
            request=self._request,
            position=checkpoint.position,
            arrays=sha256(folder / _ARRAYS),
        )
        write_json(folder / _STATE, state.model_dump(mode="json"))
        return sha256(folder / _STATE)

    def _place(self, temporary: Path, position: Position, digest: str) -> None:
        final = self._folder / f"{position.epoch:06d}-{position.step:08d}-{digest[:16]}"
        if not final.exists():
            temporary.rename(final)
            fsync_dir(self._folder)

    def _read(self, folder: Path) -> Checkpoint:
        state = self._state(folder)
        if sha256(folder / _ARRAYS) != state.arrays:
            raise ValueError("its arrays do not match their digest")
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            return Checkpoint(state.position, {name: arrays[name] for name in arrays.files})

    def _state(self, folder: Path) -> _State:
        data = (folder / _STATE).read_bytes()
        if hashlib.sha256(data).hexdigest()[:16] != folder.name.rpartition("-")[2]:
            raise ValueError("its state does not match its digest")
        if (found := json.loads(data).get("format")) != FORMAT:
            raise ValueError(f"its format is {found}, and this trainer reads {FORMAT}")
        try:
            state = _State.model_validate_json(data)
        except ValidationError as error:
            raise ValueError(f"its state is malformed: {error}") from error
        if state.request != self._request:
            raise ValueError("it is of another request")
        return state

    def _newest_first(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*-[0-9]*-*"), reverse=True)

    def _retain(self) -> None:
        """The newest and the one before it."""
        for folder in self._newest_first()[_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)

    def _sweep(self) -> None:
        """Removes what earlier attempts were writing when they died."""
        for folder in self._temporaries():
            if int(folder.name.rpartition("-")[2]) <= self._fence:
                shutil.rmtree(folder, ignore_errors=True)

    def _temporaries(self) -> Iterator[Path]:
        return self._folder.glob(".tmp-[0-9]*")
