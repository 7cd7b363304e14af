"""Errors as problem bodies (RFC 9457): the one place where the error tree meets HTTP."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from modelyard import logs, reasons
from modelyard.errors import (
    Code,
    InvalidRequest,
    ModelyardError,
    NotFound,
    Violation,
)

STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.FAILED_PRECONDITION: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.CANCELLED: 499,
    Code.INTERNAL: 500,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}
_TITLES = {
    400: "The request is not valid",
    403: "Not allowed",
    404: "Not found",
    405: "Not done here",
    408: "The request came too slowly",
    409: "In conflict with what is there",
    413: "The request is too large",
    421: "Asked under a name that is not ours",
    429: "Too much at once",
    500: "A defect of the server",
    503: "Not available now",
}
_TOO_LARGE = "REQUEST_TOO_LARGE"
_METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
BODY_TIMEOUT = "BODY_TIMEOUT"
HOST_NOT_ALLOWED = "HOST_NOT_ALLOWED"
# Where HTTP has a word of its own.
_STATUS_BY_REASON = {
    _METHOD_NOT_ALLOWED: 405,
    BODY_TIMEOUT: 408,
    _TOO_LARGE: 413,
    HOST_NOT_ALLOWED: 421,
}

log = logs.get(__name__)


class ProblemViolation(BaseModel):
    """One thing that is wrong, and where."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    field: str
    """A path such as `network.layers[1].units`, or `file.csv:17` for a row of a dataset; empty for the whole."""
    message: str
    expected: str | None = None
    received: str | None = None


class Problem(BaseModel):
    """What every error is answered with (RFC 9457)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    code: Code
    """The canonical code, as gRPC has it."""
    reason: str
    """A stable word for programs."""
    detail: str
    """For people."""
    violations: list[ProblemViolation]
    request_id: str
    """Also in the header X-Request-Id, and in the log of the service."""


def too_large(limit: int, field: str = "body") -> InvalidRequest:
    return InvalidRequest.of(
        field, "is too large", expected=f"at most {limit} bytes", reason=_TOO_LARGE
    )


def problem(error: ModelyardError, request_id: str) -> Response:
    status = _STATUS_BY_REASON.get(error.reason) or STATUS.get(error.code, 500)
    body = {
        "type": reasons.type_of(error.reason),
        "title": _TITLES.get(status, error.code.replace("_", " ").capitalize()),
        "status": status,
        "code": error.code,
        "reason": error.reason,
        "detail": error.message,
        "violations": [
            {name: value for name, value in vars(violation).items() if value is not None}
            for violation in error.violations
        ],
        "request_id": request_id,
    }
    headers = {} if error.retry_after is None else {"Retry-After": f"{error.retry_after:.0f}"}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def violations(errors: Sequence[Any], body: Any) -> tuple[Violation, ...]:
    """Pydantic's errors, each with the path that the user wrote; the arms of a union are one violation."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for error in errors:
        received = None if error["type"] == "missing" else _short(error.get("input"))
        found.setdefault((_path(error, body), received), []).append(_message(error))
    return tuple(
        Violation(field, ", or ".join(dict.fromkeys(messages)), received=received)
        for (field, received), messages in found.items()
    )


def of_invalid(error: ValidationError | RequestValidationError, body: Any) -> InvalidRequest:
    return InvalidRequest.of_all(violations(error.errors(), body))


def install(app: FastAPI) -> None:
    """Gives every error inside the routes a problem body."""

    @app.exception_handler(ModelyardError)
    async def known(request: Request, error: ModelyardError) -> Response:
        if error.code is Code.INTERNAL:
            log.error("request failed", error=error.message)
        return problem(error, request.state.id)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if isinstance(error.body, bytes):
            return problem(_not_json(request), request.state.id)
        return problem(of_invalid(error, error.body), request.state.id)

    @app.exception_handler(HTTPException)
    async def routed(request: Request, error: HTTPException) -> Response:
        response = problem(_of_http(request, error), request.state.id)
        response.headers.update(error.headers or {})
        return response


def _of_http(request: Request, error: HTTPException) -> ModelyardError:
    if isinstance(error.__cause__, ModelyardError):
        return error.__cause__  # raised while the body was read
    if error.status_code == 404:
        return NotFound(f"there is nothing at {request.url.path}", reason="NO_SUCH_PATH")
    if error.status_code == 405:
        refused = f"{request.method} is not done at {request.url.path}"
        return InvalidRequest(refused, reason=_METHOD_NOT_ALLOWED)
    return InvalidRequest.of("body", str(error.detail))


def _not_json(request: Request) -> InvalidRequest:
    return InvalidRequest.of(
        "Content-Type",
        "does not say that the body is JSON",
        expected="application/json",
        received=request.headers.get("content-type", "nothing")[:80],
    )


def _path(error: dict[str, Any], body: Any) -> str:
    """Pydantic's locations also name the branch of a union that it tried; those are not in the body."""
    path, here = "", body
    place, *parts = error["loc"]
    if place not in ("body", "query", "path", "header"):
        parts = [place, *parts]
    for depth, part in enumerate(parts):
        if isinstance(here, list) and isinstance(part, int):
            path, here = f"{path}[{part}]", here[part] if part < len(here) else None
        elif isinstance(here, dict) and part in here:
            path, here = f"{path}.{part}" if path else str(part), here[part]
        elif depth == len(parts) - 1 and _is_absent(error, path):
            path = f"{path}.{part}" if path else str(part)
    return path


def _is_absent(error: dict[str, Any], path: str) -> bool:
    """Whether the last name of a location is of a field that did not come, and no branch of a union."""
    return not path or error["type"] == "missing"


def _message(error: dict[str, Any]) -> str:
    text = "is required" if error["type"] == "missing" else str(error["msg"])
    return text.removeprefix("Value error, ")  # of a check of ours, which says all there is to say


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
