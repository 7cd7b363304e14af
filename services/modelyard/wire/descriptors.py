"""Message classes of an installed package, made without importing the package.

Generated `*_pb2.py` files hold their schema as one bytes literal. It is read from the source text, so
that TensorFlow's messages cost neither TensorFlow's import nor its memory. The classes live in a
descriptor pool of their own: the default pool stays free for a TensorFlow that is imported later, in
the same process.
"""

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)

_WELL_KNOWN = {
    module.DESCRIPTOR.name: module.DESCRIPTOR.serialized_pb
    for module in (
        any_pb2,
        descriptor_pb2,
        duration_pb2,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
    )
}

_FOLDERS = {
    "tensorflow": ("tensorflow", ""),
    "tensorflow_serving": ("tensorflow_serving", ""),
    "xla": ("tensorflow", "compiler/xla"),
    "tsl": ("tensorflow", "tsl"),
}
"""The first part of a proto's name → the installed package and the folder in it."""


class Descriptors:
    """A private descriptor pool that is filled, file by file, from what is installed."""

    def __init__(self) -> None:
        self.pool = descriptor_pool.DescriptorPool()
        self._added: set[str] = set()

    def add(self, proto: str) -> None:
        """Adds a file such as `tensorflow_serving/apis/predict.proto` and all that it imports.

        Raises ModuleNotFoundError or FileNotFoundError if the package is not installed or lacks the file.
        """
        if proto in self._added:
            return
        self._added.add(proto)
        serialized = _serialized(proto)
        for dependency in descriptor_pb2.FileDescriptorProto.FromString(serialized).dependency:
            self.add(dependency)
        self.pool.AddSerializedFile(serialized)

    def message(self, name: str) -> Any:
        """The class of a message by its full name. Any, because its fields are known only at run time."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))


def _serialized(proto: str) -> bytes:
    """The serialized FileDescriptorProto of a file."""
    return _WELL_KNOWN.get(proto) or _literal(_generated(proto))


def _generated(proto: str) -> Path:
    first, _, rest = proto.partition("/")
    package, folder = _FOLDERS[first]
    return _package(package) / folder / f"{rest.removesuffix('.proto')}_pb2.py"


@cache
def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return Path(spec.submodule_search_locations[0])


def _literal(generated: Path) -> bytes:
    for node in ast.walk(ast.parse(generated.read_bytes())):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="AddSerializedFile"),
                args=[ast.Constant(value=bytes() as serialized)],
            ):
                return serialized
    raise ValueError(f"{generated} holds no serialized file descriptor")
