"""Models: what was published, under which names, and the steps to ask for them and to move aliases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.client import http
from modelyard.client.retrying import Options
from modelyard.client.steps import Emit, Send, Steps


@dataclass(frozen=True)
class Model:
    """`raw` is the whole answer of the service."""

    name: str
    versions: tuple[int, ...]
    aliases: Mapping[str, int]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def latest(self) -> int | None:
        return max(self.versions, default=None)

    @property
    def task(self) -> str:
        """The type of its newest version's task; empty for a model that was not trained here."""
        return str(_find(self.raw, "task").get("type", ""))

    @property
    def serving(self) -> Mapping[str, Any]:
        """What a typed call needs to know of its newest version, such as `window` and `horizon`."""
        return _find(self.raw, "serving")

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Model":
        versions = (_number(version) for version in raw.get("versions", ()))
        return cls(str(raw["name"]), tuple(sorted(versions)), dict(raw.get("aliases") or {}), raw)


@dataclass(frozen=True)
class Version:
    """One published, immutable artefact. `manifest` says where it came from; None if it was not trained here."""

    model: str
    version: int
    manifest: Mapping[str, Any] | None
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, model: str, raw: Mapping[str, Any]) -> "Version":
        return cls(model, int(raw["version"]), raw.get("manifest"), raw)


def get(options: Options, name: str) -> Steps[Model]:
    return Model.of((yield from http.get(options, _path(name))))


def all_of(options: Options) -> Steps[None]:
    answer = yield from http.get(options, "/v1/models")
    for raw in answer["models"]:
        yield Emit(Model.of(raw))


def version(options: Options, name: str, version: int) -> Steps[Version]:
    return Version.of(name, (yield from http.get(options, _version(name, version))))


def delete_version(options: Options, name: str, version: int) -> Steps[None]:
    yield from http.call(options, Send("DELETE", _version(name, version)), safe=False)


def set_alias(options: Options, name: str, alias: str, version: int) -> Steps[Mapping[str, int]]:
    send = Send("PUT", _alias(name, alias), json={"version": version})
    return dict((yield from http.call(options, send)))


def remove_alias(options: Options, name: str, alias: str) -> Steps[Mapping[str, int]]:
    return dict((yield from http.call(options, Send("DELETE", _alias(name, alias)), safe=False)))


def _path(name: str) -> str:
    return f"/v1/models/{http.part(name)}"


def _version(name: str, version: int) -> str:
    return f"{_path(name)}/versions/{http.part(version)}"


def _alias(name: str, alias: str) -> str:
    return f"{_path(name)}/aliases/{http.part(alias)}"


def _number(version: Any) -> int:
    return int(version["version"]) if isinstance(version, Mapping) else int(version)


def _find(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    newest = max(
        (v for v in raw.get("versions", ()) if isinstance(v, Mapping)),
        key=_number,
        default={},
    )
    for place in (newest, newest.get("manifest") or {}, raw):
        value = place.get(key)
        if isinstance(value, Mapping):
            return value
        if isinstance(value, str):
            return {"type": value}
    return {}
