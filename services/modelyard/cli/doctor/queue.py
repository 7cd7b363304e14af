"""The queue: whether it answers, and whether it keeps what it is told."""

import os
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from modelyard.cli.doctor.finding import Finding, Severity
from modelyard.cli.stack import Stack

_SECONDS = 3.0


def findings(running: Stack | None) -> Iterator[Finding]:
    url = _url(running)
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme != "redis":
        yield Finding("queue", Severity.NOTE, f"a queue behind {parts.scheme}:// is not looked at")
        return
    where = f"{parts.hostname}:{parts.port or 6379}"
    try:
        told = info((parts.hostname or "", parts.port or 6379), unquote(parts.password or ""))
    except (OSError, ValueError) as error:
        yield Finding(
            "queue", Severity.BAD, f"{where} does not answer: {error}", "see its log, redis.log"
        )
        return
    yield judged(where, told)


def judged(where: str, told: Mapping[str, str]) -> Finding:
    """Of the answer to INFO."""
    if told.get("loading") == "1":
        return Finding("queue", Severity.WARN, f"{where} still loads its data", "wait a little")
    if told.get("aof_enabled") != "1":
        return Finding(
            "queue",
            Severity.BAD,
            f"{where} keeps no append-only file; a restart loses what was submitted",
            "set `appendonly yes`",
        )
    for kind in ("aof_last_write_status", "aof_last_bgrewrite_status"):
        if told.get(kind, "ok") != "ok":
            return Finding(
                "queue", Severity.BAD, f"{where}: {kind} is {told[kind]}", "is its disk full?"
            )
    evicting = told.get("maxmemory_policy", "noeviction")
    if evicting != "noeviction":
        return Finding(
            "queue",
            Severity.BAD,
            f"{where} throws keys away when memory is short ({evicting})",
            "set `maxmemory-policy noeviction`",
        )
    used = told.get("used_memory_human", "?")
    return Finding("queue", Severity.OK, f"{where} keeps an append-only file, {used} in use")


def info(address: tuple[str, int], password: str = "") -> dict[str, str]:
    """What INFO answers, by name. Plain sockets: the client's install has no Redis library.

    Raises OSError, and ValueError with the server's own words where it refuses.
    """
    with socket.create_connection(address, timeout=_SECONDS) as connection:
        stream = connection.makefile("rwb")
        if password:
            stream.write(_command("AUTH", password))
        stream.write(_command("INFO"))
        stream.flush()
        if password:
            _checked(stream.readline())
        size = int(_checked(stream.readline())[1:])
        text = stream.read(size).decode("utf-8", "replace")
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value for name, _, value in pairs}


def _command(*words: str) -> bytes:
    parts = [word.encode() for word in words]
    told = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%s" % (len(parts), told)


def _checked(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    if not text or text.startswith("-"):
        raise ValueError(text[1:] or "it closed the connection")
    return text


def _url(running: Stack | None) -> str | None:
    if told := os.environ.get("MODELYARD_REDIS_URL"):
        return told
    for service in running.services if running else ():
        if service.name == "queue":
            return f"redis://{service.address}"
    return None
