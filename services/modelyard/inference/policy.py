"""What to load and unload next: a pure function of what is there.

Of every model the newest `keep_loaded` versions are wanted that are not quarantined, and those that an
alias names or is still answered from. A version is given up only when all that are wanted are available,
so that a swap never leaves a gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Key = tuple[str, int]
"""A model's name and a version."""
Aliases = Mapping[str, Mapping[str, int]]
"""By model: which version an alias names."""


class State(StrEnum):
    """Of a version here, as TensorFlow Serving names them; forward only."""

    START = "START"
    """It is wanted, and others are loaded before it."""
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    """No new call may use it; those that do are waited for."""
    END = "END"
    """It was unloaded, or could not be loaded: then there is an error, and it is quarantined."""


@dataclass(frozen=True)
class Snapshot:
    found: Mapping[str, frozenset[int]]
    """The versions that are visible in the model directory."""
    aliases: Aliases = field(default_factory=dict)
    """As the model directory says."""
    answered: Aliases = field(default_factory=dict)
    """From which version calls that name an alias are answered now."""
    available: frozenset[Key] = frozenset()
    quarantined: frozenset[Key] = frozenset()
    """Could not be loaded, and nothing about them has changed since."""


@dataclass(frozen=True)
class Load:
    name: str
    version: int


@dataclass(frozen=True)
class Unload:
    name: str
    version: int


Action = Load | Unload


def decide(snapshot: Snapshot, keep_loaded: int) -> list[Action]:
    """Loads first, the newest version of every model before older ones of any."""
    loads, unloads = [], []
    names = {*snapshot.found, *(name for name, _ in snapshot.available)}
    for name in sorted(names):
        wanted = _wanted(snapshot, name, keep_loaded)
        available = {v for n, v in snapshot.available if n == name}
        missing = wanted - available
        loads += [(rank, Load(name, v)) for rank, v in enumerate(sorted(missing, reverse=True))]
        # Where every version that is left is quarantined, what answers goes on answering.
        if not missing and (wanted or name not in snapshot.found):
            unloads += [Unload(name, version) for version in sorted(available - wanted)]
    return [*(load for _, load in sorted(loads, key=lambda pair: pair[0])), *unloads]


def answer_aliases(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """From which version each alias is answered.

    An alias that was moved to a version that is not available yet stays with the one that answered it
    before. An alias that names nothing available, and never did, is left out.
    """
    return {
        name: answered
        for name, aliases in snapshot.aliases.items()
        if (answered := _answered(snapshot, name, aliases))
    }


def _answered(snapshot: Snapshot, name: str, aliases: Mapping[str, int]) -> dict[str, int]:
    answered = {
        alias: version
        for alias, version in snapshot.answered.get(name, {}).items()
        if alias in aliases and (name, version) in snapshot.available
    }
    moved = {a: target for a, target in aliases.items() if (name, target) in snapshot.available}
    return answered | moved


def _wanted(snapshot: Snapshot, name: str, keep_loaded: int) -> set[int]:
    found = snapshot.found.get(name)
    if not found:  # the model was removed
        return set()
    aliases = snapshot.aliases.get(name, {})
    loadable = {version for version in found if (name, version) not in snapshot.quarantined}
    newest = set(sorted(loadable)[-keep_loaded:])
    # What still answers a moved alias is wanted too, even if it is no longer in the directory.
    return (
        newest
        | loadable.intersection(aliases.values())
        | set(_answered(snapshot, name, aliases).values())
    )
