"""The messages of TensorFlow Serving, and of TensorFlow where these need them.

Instances serialize to what TensorFlow's own classes read. They are other classes, though: pass bytes,
not messages, to code that imported `tensorflow_serving`.
"""

from typing import Any

from modelyard.wire.descriptors import Descriptors

_APIS = (
    "classification",
    "get_model_metadata",
    "get_model_status",
    "inference",
    "input",
    "model",
    "model_management",
    "model_service",
    "predict",
    "prediction_log",
    "prediction_service",
    "regression",
)

_descriptors = Descriptors()
for _api in _APIS:
    _descriptors.add(f"tensorflow_serving/apis/{_api}.proto")

POOL = _descriptors.pool
"""For reflection: it knows `tensorflow.serving.PredictionService` and `tensorflow.serving.ModelService`."""


def _serving(name: str) -> Any:
    return _descriptors.message(f"tensorflow.serving.{name}")


def _tensorflow(name: str) -> Any:
    return _descriptors.message(f"tensorflow.{name}")


ModelSpec = _serving("ModelSpec")
PredictRequest = _serving("PredictRequest")
PredictResponse = _serving("PredictResponse")
ClassificationRequest = _serving("ClassificationRequest")
ClassificationResponse = _serving("ClassificationResponse")
ClassificationResult = _serving("ClassificationResult")
Classifications = _serving("Classifications")
Class = _serving("Class")
RegressionRequest = _serving("RegressionRequest")
RegressionResponse = _serving("RegressionResponse")
RegressionResult = _serving("RegressionResult")
Regression = _serving("Regression")
MultiInferenceRequest = _serving("MultiInferenceRequest")
MultiInferenceResponse = _serving("MultiInferenceResponse")
InferenceTask = _serving("InferenceTask")
InferenceResult = _serving("InferenceResult")
Input = _serving("Input")
ExampleList = _serving("ExampleList")
ExampleListWithContext = _serving("ExampleListWithContext")

GetModelMetadataRequest = _serving("GetModelMetadataRequest")
GetModelMetadataResponse = _serving("GetModelMetadataResponse")
SignatureDefMap = _serving("SignatureDefMap")
GetModelStatusRequest = _serving("GetModelStatusRequest")
GetModelStatusResponse = _serving("GetModelStatusResponse")
ModelVersionStatus = _serving("ModelVersionStatus")
ReloadConfigRequest = _serving("ReloadConfigRequest")
ReloadConfigResponse = _serving("ReloadConfigResponse")
ModelServerConfig = _serving("ModelServerConfig")
ModelConfigList = _serving("ModelConfigList")
ModelConfig = _serving("ModelConfig")
StatusProto = _serving("StatusProto")

PredictionLog = _serving("PredictionLog")
PredictLog = _serving("PredictLog")
LogMetadata = _serving("LogMetadata")

TensorProto = _tensorflow("TensorProto")
TensorShapeProto = _tensorflow("TensorShapeProto")
TensorInfo = _tensorflow("TensorInfo")
SignatureDef = _tensorflow("SignatureDef")
Example = _tensorflow("Example")
Features = _tensorflow("Features")
Feature = _tensorflow("Feature")

DataType = POOL.FindEnumTypeByName("tensorflow.DataType")
"""The descriptor of the enum: `DataType.values_by_name["DT_FLOAT"].number`."""
