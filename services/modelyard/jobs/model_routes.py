"""Published models over HTTP: what there is, where it came from, and which version an alias names."""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, PositiveInt

from modelyard.errors import NotFound
from modelyard.jobs.json_body import JsonRoute
from modelyard.model_store import Manifest, ModelStore

Number = Annotated[int, Path(ge=1, le=2**62)]


class Version(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    version: int
    aliases: list[str] = []
    """The names that it goes by."""
    manifest: Manifest | None
    """What it is and where it came from; null for a SavedModel that was not trained here."""


class Model(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    aliases: dict[str, int]
    versions: list[Version]
    """Newest first."""


class ModelSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    task: str | None
    """The type of the task of the newest version."""
    latest: int
    versions: list[int]
    """Newest first."""
    aliases: dict[str, int]


class Models(BaseModel):
    models: list[ModelSummary]


class AliasTarget(BaseModel):
    version: Annotated[PositiveInt, Body(le=2**62)]


def model_routes(models: ModelStore) -> APIRouter:
    routes = APIRouter(prefix="/v1/models", tags=["models"], route_class=JsonRoute)

    @routes.get("")
    def list_models() -> Models:
        """List the models."""
        return Models(
            models=[found for name in models.names() if (found := _summary(models, name))]
        )

    @routes.get("/{name}")
    def get_model(name: str) -> Model:
        """Get a model with all its versions."""
        versions = [_version(models, name, number) for number in _numbers(models, name)]
        return Model(name=name, aliases=models.aliases(name), versions=versions)

    @routes.get("/{name}/versions/{version}")
    def get_version(name: str, version: Number) -> Version:
        """Get a version."""
        _numbers(models, name)
        return _version(models, name, version)

    @routes.delete("/{name}/versions/{version}", status_code=204)
    def delete_version(name: str, version: Number) -> None:
        """Delete a version.

        Inference stops answering with it. Refused while an alias names it.
        """
        _numbers(models, name)
        models.delete(name, version)

    @routes.put("/{name}/aliases/{alias}")
    def move_alias(name: str, alias: str, target: AliasTarget) -> dict[str, int]:
        """Move an alias to a version.

        Answers all aliases of the model. Inference follows as soon as the version is warm.
        """
        _numbers(models, name)
        return models.set_aliases(name, {alias: target.version})

    @routes.delete("/{name}/aliases/{alias}")
    def remove_alias(name: str, alias: str) -> dict[str, int]:
        """Remove an alias.

        Answers the aliases that are left.
        """
        _numbers(models, name)
        if alias not in models.aliases(name):
            raise NotFound(f"model {name!r} has no alias {alias!r}", reason="ALIAS_NOT_FOUND")
        return models.set_aliases(name, {alias: None})

    return routes


def _numbers(models: ModelStore, name: str) -> list[int]:
    """Newest first. Raises NotFound if there are none."""
    found = models.versions(name)
    if not found:
        raise NotFound(f"there is no model {name!r}", reason="MODEL_NOT_FOUND")
    return found[::-1]


def _version(models: ModelStore, name: str, number: int) -> Version:
    named = sorted(alias for alias, target in models.aliases(name).items() if target == number)
    return Version(version=number, aliases=named, manifest=models.manifest(name, number))


def _summary(models: ModelStore, name: str) -> ModelSummary | None:
    found = models.versions(name)[::-1]
    if not found:
        return None
    newest = models.manifest(name, found[0])
    return ModelSummary(
        name=name,
        task=None if newest is None else newest.task["type"],
        latest=found[0],
        versions=found,
        aliases=models.aliases(name),
    )
