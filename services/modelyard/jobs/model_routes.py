"""Published models over HTTP: what there is, where it came from, and which version an alias names."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, PositiveInt

from modelyard.errors import NotFound
from modelyard.model_store import Manifest, ModelStore


class Version(BaseModel):
    version: int
    manifest: Manifest | None
    """None for a SavedModel that was not trained here."""


class Model(BaseModel):
    name: str
    aliases: dict[str, int]
    versions: list[Version]
    """Newest first."""


class AliasTarget(BaseModel):
    version: PositiveInt


def model_routes(models: ModelStore) -> APIRouter:
    routes = APIRouter(prefix="/v1/models", tags=["models"])

    def describe(name: str) -> Model:
        numbers = models.versions(name)
        if not numbers:
            raise NotFound(f"there is no model {name!r}", reason="MODEL_NOT_FOUND")
        versions = [
            Version(version=number, manifest=models.manifest(name, number))
            for number in reversed(numbers)
        ]
        return Model(name=name, aliases=models.aliases(name), versions=versions)

    @routes.get("")
    def list_models() -> dict[str, list[dict[str, Any]]]:
        """Every model with its newest version."""
        listed = [describe(name) for name in models.names() if models.versions(name)]
        return {
            "models": [
                {
                    "name": model.name,
                    "task": model.versions[0].manifest and model.versions[0].manifest.task["type"],
                    "latest": model.versions[0].version,
                    "versions": [version.version for version in model.versions],
                    "aliases": model.aliases,
                }
                for model in listed
            ]
        }

    @routes.get("/{name}")
    def get_model(name: str) -> Model:
        return describe(name)

    @routes.put("/{name}/aliases/{alias}")
    def move_alias(name: str, alias: str, target: AliasTarget) -> dict[str, int]:
        """Answers all aliases of the model. Inference follows as soon as the version is warm."""
        describe(name)
        return models.set_aliases(name, {alias: target.version})

    @routes.delete("/{name}/aliases/{alias}")
    def remove_alias(name: str, alias: str) -> dict[str, int]:
        describe(name)
        if alias not in models.aliases(name):
            raise NotFound(f"model {name!r} has no alias {alias!r}", reason="ALIAS_NOT_FOUND")
        return models.set_aliases(name, {alias: None})

    return routes
