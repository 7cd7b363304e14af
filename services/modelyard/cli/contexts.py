"""Systems that were given a name, in ~/.config/modelyard/config.toml:

current = "prod"

[contexts.prod]
url = "https://models.example.org"
grpc = "models.example.org:443"
"""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modelyard.errors import InvalidRequest, NotFound

GRPC_PORT = 50051
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class Context:
    url: str
    grpc: str

    @classmethod
    def at(cls, url: str, grpc: str | None = None) -> "Context":
        """Inference is on the same host, at its usual port, unless it is said to be elsewhere.

        Raises InvalidRequest for what is no address.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest.of(
                "url", "is no address", expected="http://HOST:PORT or https://…", received=repr(url)
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(url.rstrip("/"), grpc or f"{host}:{GRPC_PORT}")


@dataclass(frozen=True)
class Contexts:
    file: Path
    known: Mapping[str, Context] = field(default_factory=dict)
    current: str | None = None

    def get(self, name: str) -> Context:
        """Raises NotFound, naming those that there are."""
        if name not in self.known:
            there = ", ".join(self.known) or "none yet; make one with `modelyard context add`"
            raise NotFound(f"there is no context {name!r} in {self.file}; there are: {there}")
        return self.known[name]

    def with_context(self, name: str, context: Context) -> "Contexts":
        if not _NAME.fullmatch(name):
            raise InvalidRequest.of(
                "name", "cannot name a context", expected=_NAME.pattern, received=repr(name)
            )
        return replace(self, known={**self.known, name: context})

    def using(self, name: str) -> "Contexts":
        self.get(name)
        return replace(self, current=name)

    def without(self, name: str) -> "Contexts":
        self.get(name)
        left = {known: context for known, context in self.known.items() if known != name}
        return replace(self, known=left, current=None if self.current == name else self.current)


def config_file() -> Path:
    """MODELYARD_CONFIG, else where the XDG base directories say."""
    if told := os.environ.get("MODELYARD_CONFIG"):
        return Path(told)
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "modelyard" / "config.toml"


def read() -> Contexts:
    """Raises InvalidRequest if the file is there and wrong."""
    file = config_file()
    try:
        return _of(file, tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Contexts(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest(f"cannot read {file}: {error}", reason="BAD_CONFIG_FILE") from error


def write(contexts: Contexts) -> None:
    """All or nothing; a reader never sees half a file."""
    folder = contexts.file.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as staged:
        staged.write(_as_toml(contexts))
    Path(staged.name).replace(contexts.file)


def _of(file: Path, data: Mapping[str, Any]) -> Contexts:
    known, current = data.get("contexts", {}), data.get("current")
    if not isinstance(known, dict) or not (current is None or isinstance(current, str)):
        raise _wrong(file, "contexts", "tables named [contexts.NAME]")
    return Contexts(file, {n: _context(file, n, said) for n, said in known.items()}, current)


def _context(file: Path, name: str, said: Any) -> Context:
    is_right = isinstance(said, dict) and all(isinstance(v, str) for v in said.values())
    if not is_right or "url" not in said or set(said) - {"url", "grpc"}:
        raise _wrong(file, f"contexts.{name}", "url and grpc, both texts")
    return Context.at(said["url"], said.get("grpc"))


def _wrong(file: Path, field: str, expected: str) -> InvalidRequest:
    message = f"{file}: {field}: expected {expected}"
    return InvalidRequest(message, reason="BAD_CONFIG_FILE")


def _as_toml(contexts: Contexts) -> str:
    # A JSON string is a basic string of TOML too.
    lines = [] if contexts.current is None else [f"current = {json.dumps(contexts.current)}"]
    for name, context in contexts.known.items():
        lines += ["", f"[contexts.{json.dumps(name)}]"]
        lines += [f"url = {json.dumps(context.url)}", f"grpc = {json.dumps(context.grpc)}"]
    return "\n".join(lines).lstrip("\n") + "\n"
