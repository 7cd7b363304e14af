"""Writes docs/reference/predictions.md from the comments of the protos; `make docs` runs it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc
from reference_page import one_line, run, table

ROOT = Path(__file__).parents[1]
HEAD = """\
# Predictions

Generated from the comments in [`proto/modelyard/v1`](../../proto/modelyard/v1) by `make docs`. Reflection serves the same descriptors. Each task has one service; all share the messages of
`model.proto`. Errors: [errors.md](errors.md). TensorFlow Serving's own services are described in [call a model](../how-to/call-a-model.md).
"""
# Numbers of fields in descriptor.proto, of which the paths of comments are made.
_MESSAGES, _ENUMS, _SERVICES, _FIELDS, _NESTED, _METHODS, _VALUES, _NESTED_ENUMS = (
    *(4, 5, 6, 2, 3),
    *(2, 2, 4),
)
_Path = tuple[int, ...]


class _File:
    def __init__(self, file: FileDescriptorProto) -> None:
        self.file = file
        self._comments = {
            tuple(place.path): one_line(place.leading_comments)
            for place in file.source_code_info.location
        }

    def section(self) -> str:
        parts = [f"## {Path(self.file.name).name}\n"]
        for index, service in enumerate(self.file.service):
            parts.append(self._service(service, (_SERVICES, index)))
        for index, message in enumerate(self.file.message_type):
            parts += self._message(message, (_MESSAGES, index), "")
        for index, enum in enumerate(self.file.enum_type):
            parts.append(self._enum(enum, (_ENUMS, index), ""))
        return "\n".join(parts)

    def _service(self, service: ServiceDescriptorProto, path: _Path) -> str:
        rows = [
            [
                f"`{method.name}`",
                _link(method.input_type),
                _link(method.output_type),
                self._comment((*path, _METHODS, index)),
            ]
            for index, method in enumerate(service.method)
        ]
        head = table(["call", "takes", "answers", "meaning"], rows)
        title = f"{self.file.package}.{service.name}"
        return f"### {title}\n\n{self._comment(path)}\n\n{head}"

    def _message(self, message: DescriptorProto, path: _Path, outer: str) -> Iterator[str]:
        if message.options.map_entry:
            return
        rows = [
            [
                f"`{field.name}`",
                _kind(field, message),
                str(field.number),
                self._comment((*path, _FIELDS, index)),
            ]
            for index, field in enumerate(message.field)
        ]
        name = f"{outer}{message.name}"
        body = table(["field", "type", "number", "meaning"], rows) if rows else "No fields.\n"
        yield f"### {name}\n\n{self._comment(path)}\n\n{body}"
        for index, nested in enumerate(message.nested_type):
            yield from self._message(nested, (*path, _NESTED, index), f"{name}.")
        for index, enum in enumerate(message.enum_type):
            yield self._enum(enum, (*path, _NESTED_ENUMS, index), f"{name}.")

    def _enum(self, enum: EnumDescriptorProto, path: _Path, outer: str) -> str:
        rows = [
            [f"`{value.name}`", str(value.number), self._comment((*path, _VALUES, index))]
            for index, value in enumerate(enum.value)
        ]
        title = f"### {outer}{enum.name}\n\n{self._comment(path)}"
        return f"{title}\n\n{table(['value', 'number', 'meaning'], rows)}"

    def _comment(self, path: Sequence[int]) -> str:
        return self._comments.get(tuple(path), "")


def page() -> str:
    return "\n".join([HEAD, *(_File(file).section() for file in _described())])


def _described() -> list[FileDescriptorProto]:
    protos = sorted((ROOT / "proto" / "modelyard" / "v1").glob("*.proto"))
    well_known = Path(protoc.__file__).parent / "_proto"
    with TemporaryDirectory() as folder:
        out = Path(folder) / "descriptors"
        status = protoc.main(
            [
                "protoc",
                f"-I{ROOT / 'proto'}",
                f"-I{well_known}",
                "--include_source_info",
                f"--descriptor_set_out={out}",
                *map(str, protos),
            ]
        )
        if status:
            raise SystemExit(f"protoc failed with status {status}")
        return list(FileDescriptorSet.FromString(out.read_bytes()).file)


def _kind(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    if field.type_name:
        entry = _map_entry(field, message)
        if entry is not None:
            key, value = entry.field
            return f"map of {_kind(key, entry)} to {_kind(value, entry)}"
        kind = _link(field.type_name)
    else:
        kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    many = field.label == FieldDescriptorProto.LABEL_REPEATED
    choice = field.HasField("oneof_index") and not field.proto3_optional
    notes = f", one of `{message.oneof_decl[field.oneof_index].name}`" if choice else ""
    optional = "optional " if field.proto3_optional else ""
    return f"{optional}{'list of ' if many else ''}{kind}{notes}"


def _map_entry(field: FieldDescriptorProto, message: DescriptorProto) -> DescriptorProto | None:
    name = field.type_name.rpartition(".")[2]
    entries = (n for n in message.nested_type if n.name == name and n.options.map_entry)
    return next(entries, None)


def _link(type_name: str) -> str:
    name = type_name.removeprefix(".modelyard.v1.")
    if name.startswith("."):
        return f"`{name[1:]}`"  # of Google's own protos
    return f"[{name}](#{name.lower().replace('.', '')})"


if __name__ == "__main__":
    run("predictions.md", page)
