"""Refuses what a web page of somebody else could make a browser send here.

A page whose own name is made to point to this machine (DNS rebinding) arrives with that name as Host; a form of
another site arrives with that site as Origin. An address cannot be rebound, nor a name without a dot, such as
`localhost` or that of a container: nobody can buy one.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from modelyard.errors import InvalidRequest
from modelyard.jobs.problems import HOST_NOT_ALLOWED

ANY = "*"
_SAFE = ("GET", "HEAD", "OPTIONS")


class HostGuard:
    """`open_paths` are asked by orchestrators, which name the service as they like."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], open_paths: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            self._check(scope["method"], Headers(scope=scope))
        await self._app(scope, receive, send)

    def _check(self, method: str, headers: Headers) -> None:
        host = _name(f"//{headers.get('host', '')}")
        if not self._allows(host):
            raise _refused("Host", headers.get("host", ""))
        origin = headers.get("origin")
        if origin is not None and method not in _SAFE and not self._allows(_name(origin)):
            raise _refused("Origin", origin)

    def _allows(self, host: str) -> bool:
        if ANY in self._hosts or host in self._hosts or host.endswith(".localhost"):
            return True
        return host != "" and ("." not in host or _is_address(host))


def default_hosts(bound: str) -> tuple[str, ...]:
    """The names of this machine, and what the service is bound to."""
    return (bound, socket.gethostname())


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    """Of version 6 too, though that has no dots: `::ffff:127.0.0.1` does."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refused(header: str, value: str) -> InvalidRequest:
    return InvalidRequest.of(
        header,
        "is not a name of this service",
        expected="a name in MODELYARD_ALLOWED_HOSTS",
        received=value[:200],
        reason=HOST_NOT_ALLOWED,
    )
