"""Keeps loaded what the model directory says, without a gap for any caller.

One thread watches the directory, asks the policy and loads, one version at a time; calls are answered by
what is available meanwhile. A version that cannot be loaded is quarantined with its reason until its
files change.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock, Thread

from modelyard import logs
from modelyard.errors import (
    Code,
    FailedPrecondition,
    InvalidRequest,
    ModelyardError,
    NotFound,
    Unavailable,
)
from modelyard.inference import self_test
from modelyard.inference.batcher import Limits
from modelyard.inference.conformity import is_batchable
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.policy import (
    Action,
    Key,
    Load,
    Snapshot,
    State,
    Unload,
    answer_aliases,
    decide,
)
from modelyard.inference.version import LoadedVersion
from modelyard.model_store import ModelStore
from modelyard.prediction import ModelRef, ServedVersion
from modelyard.runtimes import Runtime

log = logs.get(__name__)

RETRY_SECONDS = 300.0
"""A quarantined version is tried again this late even if its files are the same: memory may be free now."""

_COMING = {State.START, State.LOADING}

Fingerprint = tuple[tuple[str, int, int], ...]
LoadRuntime = Callable[[Path], Runtime]
OnChange = Callable[[Mapping[str, bool]], None]
"""Told which models answer, whenever that may have changed."""


@dataclass(frozen=True)
class Entry:
    """What is known here of one version."""

    state: State
    loaded: LoadedVersion | None = None
    error: ModelyardError | None = None
    fingerprint: Fingerprint = ()
    """Of the files when they could not be loaded."""
    since: float = 0.0

    @property
    def is_quarantined(self) -> bool:
        return self.error is not None


@dataclass(frozen=True)
class VersionStatus:
    version: int
    state: State
    code: Code | None
    """None is OK."""
    message: str


class ModelManager:
    """`use` may be called from any thread; all else happens in the watching thread."""

    def __init__(
        self,
        store: ModelStore,
        load: LoadRuntime,
        limits: Limits,
        metrics: InferenceMetrics,
        *,
        poll_seconds: float = 1.0,
        keep_loaded: int = 1,
        on_change: OnChange = lambda _: None,
        on_settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._load = load
        self._limits = limits
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._keep_loaded = keep_loaded
        self._on_change = on_change
        self._on_settled = on_settled
        self._lock = Lock()
        self._entries: dict[Key, Entry] = {}
        self._snapshot = Snapshot({})
        self._is_settled = Event()
        self._is_stopping = Event()
        self._thread = Thread(target=self._watch, name="model-manager", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing is loaded or unloaded after this; what is loaded goes on answering."""
        self._is_stopping.set()
        self._thread.join(timeout=5.0)  # a load in progress ends with the process

    def ready(self) -> tuple[bool, str]:
        """Whether every version found at the start is loaded or quarantined."""
        if self._is_settled.is_set():
            return True, "ok"
        with self._lock:
            pending = [f"{n} {v}" for (n, v), e in self._entries.items() if e.state in _COMING]
        return False, f"loading {', '.join(sorted(pending))}" if pending else "starting"

    # What callers use ------------------------------------------------------------------------------

    @contextmanager
    def use(self, ref: ModelRef) -> Iterator[LoadedVersion]:
        """The version that is meant, held against unloading.

        Raises InvalidRequest without a name or for an unknown alias, NotFound, or Unavailable while it loads.
        """
        with self._lock:
            version = self._resolve(ref)
            version.hold()
        try:
            yield version
        finally:
            version.let_go()

    def names(self) -> list[str]:
        """Of every model of which `statuses` knows something."""
        with self._lock:
            return sorted({name for name, _ in self._entries})

    def statuses(self, name: str) -> list[VersionStatus]:
        """Of every version that was ever to be loaded and is still there, newest first."""
        with self._lock:
            entries = [(v, entry) for (n, v), entry in self._entries.items() if n == name]
        return [
            VersionStatus(
                version,
                entry.state,
                entry.error.code if entry.error else None,
                entry.error.message if entry.error else "",
            )
            for version, entry in sorted(entries, reverse=True, key=lambda pair: pair[0])
        ]

    def _resolve(self, ref: ModelRef) -> LoadedVersion:
        if not ref.name:
            raise InvalidRequest("ModelSpec has no name specified.", reason="MODEL_NAME_MISSING")
        version = self._version_of(ref)
        entry = self._entries.get((ref.name, version)) if version is not None else None
        if entry is not None and entry.loaded is not None and entry.state is State.AVAILABLE:
            return entry.loaded
        raise self._why_not(ref, entry)

    def _version_of(self, ref: ModelRef) -> int | None:
        if ref.version is not None:
            return ref.version
        if ref.alias is not None:
            return self._version_of_alias(ref.name, ref.alias)
        return max(
            (v for (n, v), e in self._entries.items() if n == ref.name and _is_available(e)),
            default=None,
        )

    def _version_of_alias(self, name: str, alias: str) -> int | None:
        answered = self._snapshot.answered.get(name, {}).get(alias)
        if answered is not None:
            return answered
        target = self._snapshot.aliases.get(name, {}).get(alias)
        if target is None and self._knows(name):
            raise InvalidRequest(
                f"Unrecognized servable version label: {alias}", reason="UNKNOWN_ALIAS"
            )
        return target

    def _knows(self, name: str) -> bool:
        return any(n == name for n, _ in self._entries)

    def _why_not(self, ref: ModelRef, entry: Entry | None) -> ModelyardError:
        is_specific = ref.version is not None
        which = f"Specific({ref.name}, {ref.version})" if is_specific else f"Latest({ref.name})"
        text = f"Servable not found for request: {which}"
        if entry is not None and entry.error is not None:
            return NotFound(
                f"{text}; it could not be loaded: {entry.error.message}",
                reason="VERSION_QUARANTINED",
            )
        states = {e.state for (n, _), e in self._entries.items() if n == ref.name}
        if (entry.state if entry else None) in _COMING or (
            ref.version is None and states & _COMING
        ):
            return Unavailable(f"{text}; it is being loaded", reason="LOADING", retry_after=1.0)
        reason = "VERSION_NOT_FOUND" if states else "MODEL_NOT_FOUND"
        return NotFound(text, reason=reason)

    # What the watching thread does -----------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            try:
                self._settle()
                self._note_settled()
            # The directory cannot be read; what is loaded goes on answering.
            except OSError as error:
                log.warning("watching_failed", error=str(error))
            # Nor must a defect end the watching.
            except Exception:
                log.exception("watching_failed")
            if self._is_stopping.wait(self._poll_seconds):
                return

    def _note_settled(self) -> None:
        if not self._is_settled.is_set():
            self._is_settled.set()
            self._on_settled()

    def _settle(self) -> None:
        """Acts until there is nothing left to do; looks again after every action."""
        self._release_changed()
        while not self._is_stopping.is_set():
            self._look()
            actions = decide(self._snapshot, self._keep_loaded)
            self._announce(actions)
            if not actions:
                return
            match actions[0]:
                case Load(name, version):
                    self._bring_up((name, version))
                case Unload(name, version):
                    self._take_down((name, version))

    def _look(self) -> None:
        """Takes a new snapshot of the directory and of what is here."""
        found, aliases = self._read_store()
        with self._lock:
            for key in self._gone(found):
                self._forget(key)
            self._refresh(found, aliases)

    def _release_changed(self) -> None:
        """Ends quarantines; once a poll, so that a version that is still being copied holds up no other."""
        retry = [key for key, entry in self._entries.items() if self._may_retry(key, entry)]
        with self._lock:
            for key in retry:
                self._forget(key)

    def _refresh(
        self, found: Mapping[str, frozenset[int]], aliases: Mapping[str, Mapping[str, int]]
    ) -> None:
        """Called with the lock held. Aliases move here, and only to what is available."""
        snapshot = Snapshot(
            found,
            aliases,
            self._snapshot.answered,
            frozenset(key for key, entry in self._entries.items() if _is_available(entry)),
            frozenset(key for key, entry in self._entries.items() if entry.is_quarantined),
        )
        self._snapshot = replace(snapshot, answered=answer_aliases(snapshot))

    def _read_store(self) -> tuple[dict[str, frozenset[int]], dict[str, dict[str, int]]]:
        if self._entries and not self._store.root.is_dir():
            raise OSError(f"the model directory {self._store.root} is gone")
        names = self._store.names()
        found = {name: frozenset(self._store.versions(name)) for name in names}
        return {n: v for n, v in found.items() if v}, {n: self._read_aliases(n) for n in names}

    def _read_aliases(self, name: str) -> dict[str, int]:
        try:
            return self._store.aliases(name)
        except (OSError, ValueError) as error:  # what was known before still holds
            log.warning("aliases_unreadable", model=name, error=str(error))
            return dict(self._snapshot.aliases.get(name, {}))

    def _may_retry(self, key: Key, entry: Entry) -> bool:
        return entry.is_quarantined and (
            time.monotonic() - entry.since > RETRY_SECONDS
            or entry.fingerprint != fingerprint(self._store.path(*key))
        )

    def _gone(self, found: Mapping[str, frozenset[int]]) -> list[Key]:
        return [
            (name, version)
            for (name, version), entry in self._entries.items()
            if entry.state is State.END and version not in found.get(name, ())
        ]

    def _forget(self, key: Key) -> None:
        """Called with the lock held."""
        del self._entries[key]
        self._metrics.drop(*key)
        if not self._knows(key[0]):
            self._metrics.drop_model(key[0])

    def _announce(self, actions: list[Action]) -> None:
        """Shows what is going to be loaded."""
        for action in actions:
            key = (action.name, action.version)
            if isinstance(action, Load) and not self._is_in(key, State.START):
                self._set(key, Entry(State.START))
        self._tell()

    def _is_in(self, key: Key, state: State) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.state is state

    def _bring_up(self, key: Key) -> None:
        started = time.monotonic()
        self._set(key, Entry(State.LOADING))
        # Taken before, so that a change while it loads counts as one.
        before = fingerprint(self._store.path(*key))
        try:
            loaded = self._open(key)
        # Whatever a foreign SavedModel does to its loader is the fault of that version alone.
        except Exception as error:
            self._quarantine(key, error, before)
            outcome = "quarantined"
        else:
            self._set(key, Entry(State.AVAILABLE, loaded))
            outcome = "available"
        seconds = time.monotonic() - started
        self._metrics.load_seconds.labels(key[0], outcome).observe(seconds)
        log.info("version_" + outcome, model=key[0], version=key[1], seconds=round(seconds, 3))

    def _open(self, key: Key) -> LoadedVersion:
        """Verified, loaded, warm and tested."""
        name, version = key
        path = self._store.path(name, version)
        manifest = self._store.manifest(name, version)
        self._check_files(name, version)
        runtime = self._load(path)
        try:
            self_test.warm(runtime, path)
            if manifest is not None:
                self_test.check_golden(runtime, path, manifest)
        except BaseException:
            runtime.close()
            raise
        served = ServedVersion(name, version, runtime.signatures, manifest)
        batchable = _batchable(runtime, is_ours=manifest is not None)
        return LoadedVersion(served, runtime, batchable, self._limits, self._metrics)

    def _check_files(self, name: str, version: int) -> None:
        damaged = self._store.damage(name, version)
        if damaged:
            raise FailedPrecondition(
                f"not as its manifest says: {', '.join(damaged[:5])}"
                + (f" and {len(damaged) - 5} more" if len(damaged) > 5 else ""),
                reason="DAMAGED_VERSION",
            )

    def _quarantine(self, key: Key, error: Exception, before: Fingerprint) -> None:
        if not isinstance(error, ModelyardError):
            error = FailedPrecondition(
                f"{type(error).__name__}: {error}"[:500], reason="UNLOADABLE_MODEL"
            )
        log.warning(
            "version_not_loadable",
            model=key[0],
            version=key[1],
            reason=error.reason,
            error=error.message,
        )
        self._set(key, Entry(State.END, None, error, before, time.monotonic()))

    def _take_down(self, key: Key) -> None:
        """Calls that use the version are waited for in a thread of their own: it may take a while."""
        loaded = self._entries[key].loaded
        entry = Entry(State.UNLOADING)
        self._set(key, entry)
        if loaded is not None:
            Thread(
                target=self._unload, args=(key, entry, loaded), name=f"unload-{key}", daemon=True
            ).start()

    def _unload(self, key: Key, entry: Entry, loaded: LoadedVersion) -> None:
        loaded.drain()
        loaded.unload()
        with self._lock:
            if self._entries.get(key) is not entry:  # it is wanted again, and loaded anew
                return
            self._entries[key] = Entry(State.END)
            self._metrics.drop(*key)
        log.info("version_unloaded", model=key[0], version=key[1])

    def _set(self, key: Key, entry: Entry) -> None:
        with self._lock:
            self._entries[key] = entry
            self._refresh(self._snapshot.found, self._snapshot.aliases)
        self._metrics.show_state(*key, entry.state)

    def _tell(self) -> None:
        with self._lock:
            serving = {name: False for name, _ in self._entries}
            serving |= {name: True for (name, _), e in self._entries.items() if _is_available(e)}
        self._on_change(serving)


def _batchable(runtime: Runtime, *, is_ours: bool) -> frozenset[str]:
    """The signatures whose calls may share a batch; those of foreign SavedModels are tried out."""
    return frozenset(
        name
        for name, spec in runtime.signatures.items()
        if is_batchable(spec) and (is_ours or self_test.rows_are_independent(runtime, name, spec))
    )


def _is_available(entry: Entry) -> bool:
    return entry.state is State.AVAILABLE


def fingerprint(path: Path) -> Fingerprint:
    """Names, sizes and times of all files: changes when any of them does."""
    found = []
    for file in sorted(path.rglob("*")):
        try:
            stat = file.stat()
        except OSError:  # it went away while we looked
            continue
        found.append((file.relative_to(path).as_posix(), stat.st_size, stat.st_mtime_ns))
    return tuple(found)
