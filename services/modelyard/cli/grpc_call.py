"""Any method of any gRPC service that has reflection: found by name, filled from JSON and files, called, printed."""

import base64
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from modelyard.client.rpc import CHANNEL_OPTIONS, of_rpc_error
from modelyard.errors import InvalidRequest, NotFound, Unimplemented

_HIDDEN = "grpc.reflection."


class Catalogue:
    """What a server offers, as its reflection tells it. Raises what a call raises, Unavailable for example."""

    def __init__(self, channel: grpc.Channel, address: str) -> None:
        self._channel = channel
        self._address = address
        self._database = ProtoReflectionDescriptorDatabase(channel)
        self._pool = DescriptorPool(self._database)

    def services(self) -> list[str]:
        try:
            names = self._database.get_services()
        except grpc.RpcError as error:
            raise of_rpc_error(error, "", self._address) from error
        return sorted(name for name in names if not name.startswith(_HIDDEN))

    def methods(self, service: str) -> list[MethodDescriptor]:
        """Raises NotFound. A name without its package is enough where one service only has it."""
        known = self.services()
        found = [name for name in known if service in (name, name.rpartition(".")[2])]
        if len(found) != 1:
            there = ", ".join(found or known)
            raise NotFound(f"there is no service {service!r}; there are: {there}")
        return list(self._pool.FindServiceByName(found[0]).methods)

    def method(self, name: str) -> MethodDescriptor:
        """Of `modelyard.v1.VisionService/ClassifyImages`, or `VisionService.ClassifyImages`."""
        service, _, method = name.replace("/", ".").strip(".").rpartition(".")
        methods = self.methods(service or name)
        for known in methods:
            if known.name == method:
                return known
        there = ", ".join(known.name for known in methods)
        raise NotFound(f"{service} has no method {method!r}; there are: {there}")

    def call(
        self, method: MethodDescriptor, request: Mapping[str, Any], timeout: float
    ) -> Iterator[dict[str, Any]]:
        """The answer, or each of a stream. Raises InvalidRequest where the JSON does not fit the message."""
        if method.client_streaming:
            raise Unimplemented(f"{method.full_name} takes a stream, which cannot be said in JSON")
        message = _message(method.input_type, request)
        answer = message_factory.GetMessageClass(method.output_type)
        try:
            for reply in self._replies(method, message, answer, timeout):
                yield json_format.MessageToDict(reply, preserving_proto_field_name=True)
        except grpc.RpcError as error:
            raise of_rpc_error(error, "", self._address) from error

    def _replies(
        self, method: MethodDescriptor, message: Any, answer: type[Any], timeout: float
    ) -> Iterable[Any]:
        path = path_of(method)
        write, read = type(message).SerializeToString, answer.FromString
        if method.server_streaming:
            stream: Iterable[Any] = self._channel.unary_stream(path, write, read)(message)
            return stream
        return [self._channel.unary_unary(path, write, read)(message, timeout=timeout)]


def open_channel(address: str) -> grpc.Channel:
    return grpc.insecure_channel(address, options=CHANNEL_OPTIONS)


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def describe(method: MethodDescriptor) -> str:
    """As a .proto says it."""
    takes = "stream " if method.client_streaming else ""
    answers = "stream " if method.server_streaming else ""
    return f"{takes}{method.input_type.full_name} → {answers}{method.output_type.full_name}"


@dataclass(frozen=True)
class FileContent:
    """Stands in a request for the bytes of a file, until it is known how they are to be told."""

    path: Path

    def as_base64(self) -> str:
        try:
            return base64.b64encode(self.path.read_bytes()).decode()
        except OSError as error:
            raise InvalidRequest(f"cannot read {self.path}: {error}") from error


def assigned(
    message: Descriptor, request: Mapping[str, Any], assignments: Sequence[str]
) -> dict[str, Any]:
    """`images.encoded=@seven.png`, `top_k=3`, `texts=hello` over the JSON; a list gets one more item each time.

    Raises InvalidRequest.
    """
    filled = dict(request)
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals:
            raise InvalidRequest.of(
                "argument",
                "sets nothing",
                expected="FIELD=VALUE or FIELD=@FILE",
                received=assignment,
            )
        _assign(message, filled, path.split("."), _value(value))
    return filled


def resolved(value: Any) -> Any:
    """With the bytes of the files in their places, as JSON tells bytes."""
    match value:
        case FileContent():
            return value.as_base64()
        case dict():
            return {name: resolved(part) for name, part in value.items()}
        case list():
            return [resolved(part) for part in value]
        case _:
            return value


def as_grpcurl(method: MethodDescriptor, request: Mapping[str, Any], address: str) -> str:
    """The same call for those who have grpcurl; files are read by the shell."""
    where = f"{shlex.quote(address)} {path_of(method)[1:]}"
    marks: dict[str, Path] = {}
    text = json.dumps(_marked(dict(request), marks), ensure_ascii=False)
    if not marks:
        return f"grpcurl -plaintext -d {shlex.quote(text)} {where}"
    for sign in ("\\", "$", "`"):  # what the shell would act on in a here-document
        text = text.replace(sign, f"\\{sign}")
    for mark, path in marks.items():
        text = text.replace(mark, f"$(base64 < {shlex.quote(str(path))} | tr -d '\\n')")
    return f"grpcurl -plaintext -d @ {where} <<JSON\n{text}\nJSON"


def _marked(value: Any, marks: dict[str, Path]) -> Any:
    match value:
        case FileContent():
            mark = f"\N{REPLACEMENT CHARACTER}file{len(marks)}\N{REPLACEMENT CHARACTER}"
            marks[mark] = value.path
            return mark
        case dict():
            return {name: _marked(part, marks) for name, part in value.items()}
        case list():
            return [_marked(part, marks) for part in value]
        case _:
            return value


def _message(descriptor: Descriptor, request: Mapping[str, Any]) -> Any:
    message = message_factory.GetMessageClass(descriptor)()
    try:
        return json_format.ParseDict(resolved(dict(request)), message)
    except json_format.ParseError as error:
        raise InvalidRequest(
            f"this is no {descriptor.full_name}: {error}", reason="BAD_MESSAGE"
        ) from error


def _value(text: str) -> Any:
    """A file, JSON where it is JSON, else a text."""
    if text.startswith("@"):
        return FileContent(Path(text[1:]))
    try:
        return json.loads(text)
    except ValueError:
        return text


def _assign(message: Descriptor, into: dict[str, Any], path: list[str], value: Any) -> None:
    name, *below = path
    field = _field(message, name)
    part: Any = _as_text(value) if field.type == FieldDescriptor.TYPE_STRING else value
    if below:
        if field.message_type is None:
            raise InvalidRequest.of(name, f"has no field {below[0]!r}; it is a plain value")
        part = {} if field.is_repeated else into.setdefault(name, {})
        _assign(field.message_type, part, below, value)
    if field.is_repeated and not isinstance(part, list):
        into.setdefault(name, []).append(part)
    else:
        into[name] = part


def _as_text(value: Any) -> Any:
    if not isinstance(value, FileContent):
        return value
    try:
        return value.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot read {value.path} as text: {error}") from error


def _field(message: Descriptor, name: str) -> FieldDescriptor:
    if name not in message.fields_by_name:
        there = ", ".join(message.fields_by_name)
        raise InvalidRequest.of(
            name, f"is no field of {message.full_name}", expected=there or "no field", received=name
        )
    field: FieldDescriptor = message.fields_by_name[name]
    return field
