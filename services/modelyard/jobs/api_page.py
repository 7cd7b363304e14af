"""The page that shows the API and tries it out. All it is made of is shipped with it, and no other host is asked."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from modelyard.errors import NotFound

_STATIC = Path(__file__).parent / "static"
_SWAGGER = _STATIC / "swagger-ui"
_FILES = {
    "page.js": _STATIC / "page.js",
    "page.css": _STATIC / "page.css",
    "swagger-ui-bundle.js": _SWAGGER / "swagger-ui-bundle.js",
    "swagger-ui.css": _SWAGGER / "swagger-ui.css",
    "favicon-32x32.png": _SWAGGER / "favicon-32x32.png",
}
_HEADERS = {
    # Swagger UI writes style attributes and shows pictures from data; nothing else is let in.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def api_page() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    def page() -> FileResponse:
        return FileResponse(_STATIC / "page.html", headers=_HEADERS)

    @router.get("/docs/{name}")
    def file(name: str) -> FileResponse:
        if name not in _FILES:
            raise NotFound(f"the API page has no file {name!r}", reason="NO_SUCH_PATH")
        return FileResponse(
            _FILES[name], headers=_HEADERS | {"Cache-Control": "public, max-age=3600"}
        )

    return router
