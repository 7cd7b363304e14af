"""grpc.health.v1: of the whole service, of each of its services, and of each model."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

SERVICE = health.SERVICE_NAME


class Health(health.HealthServicer):  # type: ignore[misc]  # grpc_health ships no types
    """A model is serving when any version of it is available."""

    def __init__(self, services: Iterable[str]) -> None:
        # Probes must be answered when all threads of calls are taken.
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="health")
        super().__init__(experimental_thread_pool=self._threads)
        self._services = ("", *services)
        self._models: dict[str, bool] = {}
        self.show_service(False)

    def handler(self) -> grpc.GenericRpcHandler:
        def check(request: Any, context: grpc.ServicerContext) -> Any:
            return self.Check(request, context)

        check.experimental_thread_pool = self._threads  # type: ignore[attr-defined]  # gRPC's way to name it
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    check,
                    request_deserializer=health_pb2.HealthCheckRequest.FromString,
                    response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    self.Watch,
                    request_deserializer=health_pb2.HealthCheckRequest.FromString,
                    response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
                ),
            },
        )

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = super().Check(request, context)
        if response.status == _UNKNOWN:  # a model that was removed
            context.set_code(grpc.StatusCode.NOT_FOUND)
            return health_pb2.HealthCheckResponse()
        return response

    def show_service(self, is_serving: bool) -> None:
        for service in self._services:
            self.set(service, _SERVING if is_serving else _NOT_SERVING)

    def show_models(self, serving: Mapping[str, bool]) -> None:
        """Sends only changes: a watcher hears nothing twice."""
        for name in self._models.keys() - serving.keys():
            self.set(name, _UNKNOWN)
        for name, is_serving in serving.items():
            if self._models.get(name) is not is_serving and name not in self._services:
                self.set(name, _SERVING if is_serving else _NOT_SERVING)
        self._models = dict(serving)
