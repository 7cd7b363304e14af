"""Errors as problem bodies (RFC 9457): the one place where the error tree meets HTTP."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from modelyard import logs
from modelyard.errors import (
    Code,
    InternalError,
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
    409: "In conflict with what is there",
    413: "The request is too large",
    429: "Too much at once",
    500: "A defect of the server",
    503: "Not available now",
}
_TOO_LARGE = "REQUEST_TOO_LARGE"

log = logs.get(__name__)


def too_large(limit: int, field: str = "body") -> InvalidRequest:
    return InvalidRequest.of(
        field, "is too large", expected=f"at most {limit} bytes", reason=_TOO_LARGE
    )


def problem(error: ModelyardError, request_id: str) -> Response:
    status = 413 if error.reason == _TOO_LARGE else STATUS.get(error.code, 500)
    body = {
        "type": f"urn:modelyard:problem:{error.reason}",
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
    """Pydantic's errors, each with the path that the user wrote."""
    return tuple(
        Violation(
            field=_path(error["loc"], body),
            message=_message(error),
            received=None if error["type"] == "missing" else _short(error.get("input")),
        )
        for error in errors
    )


def install(app: FastAPI) -> None:
    """Gives every request an id, and every error a problem body."""

    @app.middleware("http")
    async def identify(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        given = request.headers.get("x-request-id", "")
        request_id = given if given.isascii() and 0 < len(given) <= 128 else secrets.token_hex(8)
        request.state.id = request_id
        with logs.bind(request_id=request_id):
            try:
                response = await call_next(request)
            except Exception:
                log.exception("request failed", method=request.method, path=request.url.path)
                hidden = InternalError("an unexpected error; the log of the server has the details")
                response = problem(hidden, request_id)
        response.headers["x-request-id"] = request_id
        return response

    @app.exception_handler(ModelyardError)
    async def known(request: Request, error: ModelyardError) -> Response:
        if error.code is Code.INTERNAL:
            log.error("request failed", error=error.message)
        return problem(error, request.state.id)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = violations(error.errors(), error.body)
        return problem(InvalidRequest.of_all(found), request.state.id)

    @app.exception_handler(HTTPException)
    async def routed(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            missing = NotFound(f"there is nothing at {request.url.path}", reason="NO_SUCH_PATH")
            return problem(missing, request.state.id)
        refused = InvalidRequest(str(error.detail), reason="METHOD_NOT_ALLOWED")
        response = problem(refused, request.state.id)
        response.status_code = error.status_code
        response.headers.update(error.headers or {})
        return response


def _path(loc: Sequence[str | int], body: Any) -> str:
    """Pydantic's locations also name the branch of a union that it tried; those are not in the body."""
    path, here = "", body
    for depth, part in enumerate(loc):
        if depth == 0 and part in ("body", "query", "path", "header"):
            continue
        if isinstance(here, list) and isinstance(part, int):
            path, here = f"{path}[{part}]", here[part] if part < len(here) else None
        elif isinstance(here, dict) and part in here:
            path, here = f"{path}.{part}" if path else str(part), here[part]
        elif depth == len(loc) - 1:
            path = f"{path}.{part}" if path else str(part)
    return path


def _message(error: dict[str, Any]) -> str:
    return "is required" if error["type"] == "missing" else str(error["msg"])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
