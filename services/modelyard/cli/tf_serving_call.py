"""One call as a client of TensorFlow Serving makes it: its messages, its method, nothing of ours."""

from typing import Any

import grpc

from modelyard.wire.tf_serving import DataType, PredictRequest, PredictResponse

_METHOD = "/tensorflow.serving.PredictionService/Predict"


def predict_image(address: str, model: str, encoded: bytes) -> str:
    """Calls the signature `serving_default` with one encoded image; answers the outputs in words."""
    request = PredictRequest()
    request.model_spec.name = model
    tensor = request.inputs["image"]
    tensor.dtype = DataType.values_by_name["DT_STRING"].number
    tensor.tensor_shape.dim.add().size = 1
    tensor.string_val.append(encoded)
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(
            _METHOD,
            request_serializer=PredictRequest.SerializeToString,
            response_deserializer=PredictResponse.FromString,
        )
        return _in_words(call(request, timeout=30))


def _in_words(response: Any) -> str:
    name = response.outputs["class"].string_val[0].decode()
    best = max(response.outputs["scores"].float_val)
    version = response.model_spec.version.value
    return f"class {name}, score {best:.1%}, version {version}"
