"""Models: what was published, under which names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.client.http import Http


@dataclass(frozen=True)
class Model:
    """`raw` is the whole answer of the service."""

    name: str
    versions: tuple[int, ...]
    aliases: Mapping[str, int]
    raw: Mapping[str, Any]

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


class Models:
    def __init__(self, http: Http) -> None:
        self._http = http

    def get(self, name: str) -> Model:
        return Model.of(self._http.get(f"/v1/models/{name}"))

    def list(self) -> Iterator[Model]:
        for raw in self._http.get("/v1/models")["models"]:
            yield Model.of(raw)

    def set_alias(self, name: str, alias: str, version: int) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._http.call(
            "PUT", f"/v1/models/{name}/aliases/{alias}", safe=True, json={"version": version}
        )
        return answer


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
