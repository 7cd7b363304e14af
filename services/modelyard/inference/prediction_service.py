"""tensorflow.serving.PredictionService: what TensorFlow Serving's own clients call."""

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from modelyard.errors import InvalidRequest, Unimplemented
from modelyard.prediction import (
    DEFAULT_SIGNATURE,
    ModelRef,
    Predictor,
    ServedVersion,
    SignatureSpec,
    TensorSpec,
)
from modelyard.tasks.serving import call_of
from modelyard.wire import tensors
from modelyard.wire.tf_serving import (
    ClassificationRequest,
    ClassificationResponse,
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    ModelSpec,
    MultiInferenceRequest,
    MultiInferenceResponse,
    PredictRequest,
    PredictResponse,
    RegressionRequest,
    RegressionResponse,
    SignatureDef,
    SignatureDefMap,
    TensorInfo,
)

SERVICE = "tensorflow.serving.PredictionService"
_METHOD = "tensorflow/serving/predict"


class PredictionService:
    def __init__(self, predictor: Predictor, max_bytes: int) -> None:
        self._predictor = predictor
        self._max_bytes = max_bytes
        """What the inputs of one call may need, once they are decoded."""

    def handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Predict": _method(self.predict, PredictRequest, PredictResponse),
                "GetModelMetadata": _method(
                    self.get_model_metadata, GetModelMetadataRequest, GetModelMetadataResponse
                ),
                "Classify": _method(_refuse, ClassificationRequest, ClassificationResponse),
                "Regress": _method(_refuse, RegressionRequest, RegressionResponse),
                "MultiInference": _method(_refuse, MultiInferenceRequest, MultiInferenceResponse),
            },
        )

    def predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        ref = ref_of(request.model_spec)
        inputs = {
            name: tensors.decode(name, tensor, max_bytes=self._max_bytes)
            for name, tensor in request.inputs.items()
        }
        prediction = self._predictor.predict(
            ref,
            inputs,
            signature=request.model_spec.signature_name or DEFAULT_SIGNATURE,
            outputs=tuple(request.output_filter),
            call=call_of(context),
        )
        response = PredictResponse(model_spec=_answered_by(prediction.version))
        response.model_spec.signature_name = prediction.signature
        for name, array in prediction.outputs.items():
            response.outputs[name].CopyFrom(tensors.encode(array))
        return response

    def get_model_metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.HasField("model_spec"):
            raise InvalidRequest("Missing ModelSpec", reason="MODEL_SPEC_MISSING")
        if not request.metadata_field:
            raise InvalidRequest(
                "GetModelMetadataRequest must specify at least one metadata_field",
                reason="METADATA_FIELD_MISSING",
            )
        for name in request.metadata_field:
            if name != "signature_def":
                raise InvalidRequest(
                    f"Metadata field {name} is not supported", reason="METADATA_FIELD_UNKNOWN"
                )
        version = self._predictor.describe(ref_of(request.model_spec))
        response = GetModelMetadataResponse(model_spec=_answered_by(version))
        packed = AnyMessage()
        packed.Pack(_signature_defs(version.signatures))
        # The field is another class of Any, of the pool of TensorFlow Serving's messages.
        response.metadata["signature_def"].MergeFromString(packed.SerializeToString())
        return response


def ref_of(spec: Any) -> ModelRef:
    choice = spec.WhichOneof("version_choice")
    return ModelRef(
        spec.name,
        version=spec.version.value if choice == "version" else None,
        alias=spec.version_label if choice == "version_label" else None,
    )


def _answered_by(version: ServedVersion) -> Any:
    return ModelSpec(name=version.name, version={"value": version.version})


def _signature_defs(signatures: Mapping[str, SignatureSpec]) -> Any:
    return SignatureDefMap(
        signature_def={
            name: SignatureDef(
                inputs=_tensor_infos(f"{name}_", spec.inputs),
                outputs=_tensor_infos("", spec.outputs),
                method_name=_METHOD,
            )
            for name, spec in signatures.items()
        }
    )


def _tensor_infos(prefix: str, specs: Mapping[str, TensorSpec]) -> dict[str, Any]:
    return {
        name: TensorInfo(
            name=f"{prefix}{name}:0",
            dtype=tensors.data_type(spec.dtype),
            tensor_shape=tensors.shape_proto(spec.shape),
        )
        for name, spec in specs.items()
    }


def _method(behavior: Any, request: Any, response: Any) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.unary_unary_rpc_method_handler(
        behavior,
        request_deserializer=request.FromString,
        response_serializer=response.SerializeToString,
    )


def _refuse(request: Any, context: grpc.ServicerContext) -> Any:
    raise Unimplemented(
        "Classify, Regress and MultiInference are not served; use Predict", reason="USE_PREDICT"
    )
