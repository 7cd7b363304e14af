"""TensorFlow Serving's messages without TensorFlow: light to load, the same on the wire."""

import subprocess
import sys

import pytest

from modelyard.wire import tf_serving


def test_importing_it_imports_no_tensorflow():
    code = (
        "import sys; from modelyard.wire import tf_serving, tensors, tfrecord;"
        "print([m for m in ('tensorflow', 'keras', 'tensorflow_serving') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_lives_beside_tensorflows_own_classes_and_speaks_the_same_wire():
    """In another process: here TensorFlow is not to be imported, and there it comes second."""
    code = """
from modelyard.wire import tf_serving as ours
request = ours.PredictRequest(output_filter=["scores"])
request.model_spec.name = "digits"
request.model_spec.version.value = 7
request.inputs["x"].CopyFrom(ours.TensorProto(dtype=1, float_val=[1.5]))
from tensorflow_serving.apis import predict_pb2
theirs = predict_pb2.PredictRequest.FromString(request.SerializeToString())
assert theirs.model_spec.version.value == 7
assert list(theirs.inputs["x"].float_val) == [1.5]
assert ours.PredictRequest.FromString(theirs.SerializeToString()) == request
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_pool_knows_the_services():
    service = tf_serving.POOL.FindServiceByName("tensorflow.serving.PredictionService")
    methods = {method.name: method.input_type.full_name for method in service.methods}
    assert methods["Predict"] == "tensorflow.serving.PredictRequest"
    tf_serving.POOL.FindServiceByName("tensorflow.serving.ModelService")


def test_metadata_is_packed_into_any():
    signatures = tf_serving.SignatureDefMap()
    signatures.signature_def["serving_default"].method_name = "tensorflow/serving/predict"
    response = tf_serving.GetModelMetadataResponse()
    response.metadata["signature_def"].Pack(signatures)
    url = response.metadata["signature_def"].type_url
    assert url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    unpacked = tf_serving.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(unpacked)
    assert unpacked == signatures


@pytest.mark.parametrize("state", ["START", "LOADING", "AVAILABLE", "UNLOADING", "END"])
def test_states_have_their_names(state):
    assert tf_serving.ModelVersionStatus(state=state).state % 10 == 0
