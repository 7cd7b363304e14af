"""tensorflow.serving.PredictionService: what TensorFlow Serving's own clients call."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from modelyard.errors import InvalidRequest, Unimplemented
from modelyard.inference.example_inference import Classes, Values, classify, regress
from modelyard.inference.example_inputs import examples_of
from modelyard.inference.question import with_version
from modelyard.prediction import (
    DEFAULT_SIGNATURE,
    Call,
    ModelRef,
    Predictor,
    ServedVersion,
    SignatureSpec,
    TensorSpec,
)
from modelyard.tasks.serving import call_of
from modelyard.wire import tensors
from modelyard.wire.tf_serving import (
    Class,
    ClassificationRequest,
    ClassificationResponse,
    ClassificationResult,
    Classifications,
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    InferenceResult,
    ModelSpec,
    MultiInferenceRequest,
    MultiInferenceResponse,
    PredictRequest,
    PredictResponse,
    Regression,
    RegressionRequest,
    RegressionResponse,
    RegressionResult,
    SignatureDef,
    SignatureDefMap,
    TensorInfo,
)

SERVICE = "tensorflow.serving.PredictionService"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
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
                "Classify": _method(self.classify, ClassificationRequest, ClassificationResponse),
                "Regress": _method(self.regress, RegressionRequest, RegressionResponse),
                "MultiInference": _method(
                    self.multi_inference, MultiInferenceRequest, MultiInferenceResponse
                ),
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
        response = PredictResponse(
            model_spec=_answered_by(prediction.version, prediction.signature)
        )
        for name, array in prediction.outputs.items():
            response.outputs[name].CopyFrom(tensors.encode(array))
        return response

    def classify(self, request: Any, context: grpc.ServicerContext) -> Any:
        answer = self._classified(request.model_spec, request.input, call_of(context))
        return ClassificationResponse(
            model_spec=_answered_by(answer.version, answer.signature),
            result=_classification_result(answer),
        )

    def regress(self, request: Any, context: grpc.ServicerContext) -> Any:
        answer = self._regressed(request.model_spec, request.input, call_of(context))
        return RegressionResponse(
            model_spec=_answered_by(answer.version, answer.signature),
            result=_regression_result(answer),
        )

    def multi_inference(self, request: Any, context: grpc.ServicerContext) -> Any:
        """All tasks are answered by one version."""
        check_tasks(request.tasks)
        examples_of(request.input)  # an empty input is refused before a model is looked for
        call = call_of(context)

        def all_of_them(version: ServedVersion) -> list[Any]:
            return [self._inferred(version, task, request.input, call) for task in request.tasks]

        ref = ref_of(request.tasks[0].model_spec)
        return MultiInferenceResponse(results=with_version(self._predictor, ref, all_of_them))

    def _inferred(self, version: ServedVersion, task: Any, given: Any, call: Call) -> Any:
        spec = _answered_by(version, task.model_spec.signature_name)
        if task.method_name == CLASSIFY:
            classes = self._classified(spec, given, call)
            return InferenceResult(
                model_spec=_answered_by(classes.version, classes.signature),
                classification_result=_classification_result(classes),
            )
        values = self._regressed(spec, given, call)
        return InferenceResult(
            model_spec=_answered_by(values.version, values.signature),
            regression_result=_regression_result(values),
        )

    def _classified(self, spec: Any, given: Any, call: Call) -> Classes:
        signature = spec.signature_name or DEFAULT_SIGNATURE
        return classify(self._predictor, ref_of(spec), signature, examples_of(given), call)

    def _regressed(self, spec: Any, given: Any, call: Call) -> Values:
        signature = spec.signature_name or DEFAULT_SIGNATURE
        return regress(self._predictor, ref_of(spec), signature, examples_of(given), call)

    def get_model_metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self.metadata(request)

    def metadata(self, request: Any) -> Any:
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


def check_tasks(tasks: Sequence[Any]) -> None:
    """Whether MultiInference can be asked for these. Raises InvalidRequest or Unimplemented."""
    if not tasks:
        raise InvalidRequest.of("tasks", "is empty", expected="at least one")
    if not all(task.model_spec.name for task in tasks):
        raise InvalidRequest(
            "Found ModelSpec with an empty model name.", reason="MODEL_NAME_MISSING"
        )
    if len({task.model_spec.name for task in tasks}) > 1:
        raise InvalidRequest(
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
            reason="SEVERAL_MODELS",
        )
    _check_signatures(tasks)
    for task in tasks:
        if task.method_name not in (CLASSIFY, REGRESS):
            raise Unimplemented(
                f"Unsupported signature method_name: {task.method_name}",
                reason="UNSUPPORTED_METHOD",
            )


def _check_signatures(tasks: Sequence[Any]) -> None:
    named = Counter(task.model_spec.signature_name or DEFAULT_SIGNATURE for task in tasks)
    for name, times in named.items():
        if times > 1:
            raise InvalidRequest(
                f"Duplicate evaluation of signature: {name}", reason="DUPLICATE_SIGNATURE"
            )


def _classification_result(answer: Classes) -> Any:
    return ClassificationResult(
        classifications=[
            Classifications(classes=[Class(label=label, score=score) for label, score in row])
            for row in answer.rows
        ]
    )


def _regression_result(answer: Values) -> Any:
    return RegressionResult(regressions=[Regression(value=value) for value in answer.values])


def _answered_by(version: ServedVersion, signature: str = "") -> Any:
    return ModelSpec(
        name=version.name, version={"value": version.version}, signature_name=signature
    )


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
