"""The OpenAPI document: what FastAPI derives from the routes, with the answers of every refusal."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from modelyard.jobs.problems import Problem

_DESCRIPTION = """Jobs go in, models come out.

Errors are problem bodies (RFC 9457): a stable `reason` for programs, and for every field that is wrong its path, what was
expected and what came. Lists are paged by `page_token`. Streams are server-sent events that go on after `Last-Event-ID`.
Predictions are asked of the inference service over gRPC."""
_TAGS = [
    {"name": "jobs", "description": "Requests to train, and what became of them."},
    {"name": "datasets", "description": "Immutable sets of examples, named by their content."},
    {"name": "models", "description": "What was published, and the aliases that name versions."},
    {"name": "workers", "description": "Who trains."},
    {"name": "schemas", "description": "What requests look like."},
]
_METHODS = ("get", "put", "post", "patch", "delete", "head")
_BODIES = ("put", "post", "patch")
_MEANING = {
    400: "Something in the request cannot be right; each violation names a field.",
    404: "What was named does not exist.",
    408: "The body came too slowly.",
    409: "In conflict with what is there.",
    413: "The body is larger than the API reads.",
    421: "Asked under a name that is not the service's own.",
    429: "A bound was reached; Retry-After says when to try again.",
    503: "The store of jobs does not answer; try again.",
}


def describe(app: FastAPI) -> None:
    """The document is made when it is asked for first, and kept."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=_TAGS,
    )
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                _complete(path, method, operations[method])
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    first, _, rest = operation.get("description", "").partition("\n\n")
    if rest:
        operation["summary"] = first.rstrip(".")
        operation["description"] = " ".join(rest.split("\n"))
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _refusals(path, method):
        content = {"schema": {"$ref": "#/components/schemas/Problem"}}
        responses.setdefault(
            str(status),
            {"description": _MEANING[status], "content": {"application/problem+json": content}},
        )
    operation["responses"] = dict(sorted(responses.items()))


def _refusals(path: str, method: str) -> list[int]:
    """What an operation may be refused with, by what it takes."""
    found = {400, 421, 503}
    if "{" in path:
        found.add(404)
    if method in _BODIES:
        found |= {404, 408, 409, 413, 429}
    if method == "delete":
        found.add(409)
    if path.endswith(("/events", "/logs")):
        found.add(429)
    return sorted(found)
