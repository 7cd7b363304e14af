"""The pages that the `type` of a problem and the links of gRPC errors lead to: what a reason means and how to mend it.

They come from the registry, so they are those of the very version that answered, and need nothing from outside.
"""

import re
from collections.abc import Iterable
from html import escape
from itertools import groupby

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from modelyard.errors import NotFound
from modelyard.jobs.problems import STATUS
from modelyard.reasons import PAGES, REASONS, Reason, of

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark }
code { font-family: ui-monospace, monospace; font-size: .95em }
table { border-collapse: collapse } td { padding: .2rem 1rem .2rem 0; vertical-align: top }
"""


def error_pages() -> APIRouter:
    router = APIRouter(prefix=PAGES, include_in_schema=False)

    @router.get("")
    def all_reasons() -> HTMLResponse:
        return _html("Reasons", _index(REASONS.values()))

    @router.get("/{name}")
    def one_reason(name: str) -> HTMLResponse:
        reason = of(name)
        if reason is None:
            raise NotFound(f"there is no reason {name[:80]!r}; {PAGES} lists them")
        return _html(reason.name, _page(reason))

    return router


def _index(reasons: Iterable[Reason]) -> str:
    return "".join(
        f"<h2>{escape(area)}</h2><table>{''.join(map(_row, members))}</table>"
        for area, members in groupby(reasons, lambda reason: reason.area)
    )


def _row(reason: Reason) -> str:
    return (
        f'<tr><td><a href="{reason.type}"><code>{reason.name}</code></a></td>'
        f"<td>{_text(reason.meaning)}</td></tr>"
    )


def _page(reason: Reason) -> str:
    codes = " or ".join(f"{code} (HTTP {STATUS[code]})" for code in reason.codes)
    return (
        f"<p>{_text(reason.meaning)}</p><h2>How to mend it</h2><p>{_text(reason.mending)}</p>"
        f"<table><tr><td>Where</td><td>{escape(reason.area)}</td></tr>"
        f"<tr><td>Code</td><td>{codes or 'none: it is found in the record of a job'}</td></tr></table>"
        f'<p><a href="{PAGES}">All reasons</a></p>'
    )


def _text(sentence: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence))


def _html(title: str, body: str) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} · Modelyard</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{body}</html>",
        headers=_HEADERS,
    )
