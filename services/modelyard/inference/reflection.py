"""Server reflection, v1 and v1alpha: lets grpcurl and friends ask which services there are.

The services are described by two pools: the default one, and that of TensorFlow Serving's messages.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2

ALPHA = "grpc.reflection.v1alpha"
V1 = "grpc.reflection.v1"
SERVICES = (f"{ALPHA}.ServerReflection", f"{V1}.ServerReflection")


class Pools:
    """As much of a descriptor pool as reflection needs, over several; the first that knows a name answers."""

    def __init__(self, pools: Sequence[Any]) -> None:
        self._pools = pools

    def FindFileByName(self, name: str) -> Any:
        return self._first("FindFileByName", name)

    def FindFileContainingSymbol(self, name: str) -> Any:
        return self._first("FindFileContainingSymbol", name)

    def FindMessageTypeByName(self, name: str) -> Any:
        return self._first("FindMessageTypeByName", name)

    def FindExtensionByNumber(self, message: Any, number: int) -> Any:
        return self._first("FindExtensionByNumber", message, number)

    def FindAllExtensions(self, message: Any) -> Any:
        return self._first("FindAllExtensions", message)

    def _first(self, method: str, *args: Any) -> Any:
        for pool in self._pools:
            try:
                return getattr(pool, method)(*args)
            except (KeyError, TypeError):  # not known, or a descriptor of another pool
                continue
        raise KeyError(args[-1])


def handlers(services: Iterable[str], pools: Iterable[Any]) -> list[grpc.GenericRpcHandler]:
    """One handler for each version of the protocol, with few threads: a stream holds one while it is open."""
    everything = Pools([descriptor_pool.Default(), _v1_pool(), *pools])
    servicer = reflection.ReflectionServicer((*services, *SERVICES), pool=everything)

    def info(requests: Any, context: grpc.ServicerContext) -> Any:
        return servicer.ServerReflectionInfo(requests, context)

    # gRPC takes the threads from this attribute.
    info.experimental_thread_pool = ThreadPoolExecutor(4, "reflection")  # type: ignore[attr-defined]  # of a function
    method = grpc.stream_stream_rpc_method_handler(
        info,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [
        grpc.method_handlers_generic_handler(service, {"ServerReflectionInfo": method})
        for service in SERVICES
    ]


def _v1_pool() -> descriptor_pool.DescriptorPool:
    """v1 is v1alpha under another name; its own Python package is not published."""
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name = "grpc/reflection/v1/reflection.proto"
    file.package = V1
    for message in file.message_type:
        for field in (each for each in message.field if each.type_name):
            field.type_name = _renamed(field.type_name)
    for method in file.service[0].method:
        method.input_type = _renamed(method.input_type)
        method.output_type = _renamed(method.output_type)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _renamed(type_name: str) -> str:
    return type_name.replace(f".{ALPHA}.", f".{V1}.")
