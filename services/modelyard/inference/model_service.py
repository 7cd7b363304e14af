"""tensorflow.serving.ModelService: which versions there are, and how they are."""

from pathlib import Path
from typing import Any

import grpc

from modelyard.errors import FailedPrecondition, InvalidRequest, NotFound, Unimplemented
from modelyard.inference.model_manager import ModelManager, VersionStatus
from modelyard.inference.status import grpc_code_number
from modelyard.wire.tf_serving import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelVersionStatus,
    ReloadConfigRequest,
    ReloadConfigResponse,
)

SERVICE = "tensorflow.serving.ModelService"


class ModelService:
    def __init__(self, models: ModelManager, reload_roots: tuple[Path, ...]) -> None:
        self._models = models
        self._reload_roots = reload_roots

    def handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "GetModelStatus": grpc.unary_unary_rpc_method_handler(
                    self.get_model_status,
                    request_deserializer=GetModelStatusRequest.FromString,
                    response_serializer=GetModelStatusResponse.SerializeToString,
                ),
                "HandleReloadConfigRequest": grpc.unary_unary_rpc_method_handler(
                    self.handle_reload_config,
                    request_deserializer=ReloadConfigRequest.FromString,
                    response_serializer=ReloadConfigResponse.SerializeToString,
                ),
            },
        )

    def get_model_status(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self.status(request)

    def status(self, request: Any) -> Any:
        if not request.HasField("model_spec"):
            raise InvalidRequest("Missing ModelSpec", reason="MODEL_SPEC_MISSING")
        name = request.model_spec.name
        statuses = self._models.statuses(name)
        if not statuses:
            raise NotFound(f"Could not find any versions of model {name}", reason="MODEL_NOT_FOUND")
        # TensorFlow Serving looks at the version only, and ignores a label.
        if request.model_spec.WhichOneof("version_choice") == "version":
            wanted = request.model_spec.version.value
            statuses = [status for status in statuses if status.version == wanted]
            if not statuses:
                raise NotFound(
                    f"Could not find version {wanted} of model {name}", reason="VERSION_NOT_FOUND"
                )
        return GetModelStatusResponse(
            model_version_status=[_version_status(status) for status in statuses]
        )

    def handle_reload_config(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not self._reload_roots:
            raise FailedPrecondition(
                "models are taken from the model directory; loading others by a call is switched off "
                "because no root is configured for it",
                reason="RELOAD_DISABLED",
            )
        raise Unimplemented(
            "loading models by a call is not implemented; publish them to the model directory",
            reason="RELOAD_UNIMPLEMENTED",
        )


def _version_status(status: VersionStatus) -> Any:
    state = ModelVersionStatus.DESCRIPTOR.enum_types_by_name["State"].values_by_name
    return ModelVersionStatus(
        version=status.version,
        state=state[status.state.value].number,
        status={
            "error_code": grpc_code_number(status.code) if status.code else 0,
            "error_message": status.message,
        },
    )
