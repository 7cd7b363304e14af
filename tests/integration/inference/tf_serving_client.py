"""A client as users of TensorFlow Serving write it: `python tf_serving_client.py PORT SCENARIO` prints JSON."""

import json
import sys

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

X = np.array([[1, 2, 3, 4]], np.float32)


def request(inputs, name="arithmetic", signature="", **spec):
    message = predict_pb2.PredictRequest()
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    if "version" in spec:
        message.model_spec.version.value = spec["version"]
    if "label" in spec:
        message.model_spec.version_label = spec["label"]
    for key, value in inputs.items():
        message.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    message.output_filter.extend(spec.get("outputs", ()))
    return message


def shown(response):
    spec = response.model_spec
    return {
        "spec": [spec.name, spec.version.value, spec.signature_name, spec.version_label],
        "y": tf.make_ndarray(response.outputs["y"])[0].tolist(),
        "typed": len(response.outputs["y"].float_val) == 4,
    }


def predict(stubs):
    call = stubs.prediction.Predict
    words = call(request({"text": np.array(["ab", "ÿ"])}, signature="words"))
    nan = np.full((1, 4), np.nan, np.float32)
    return {
        "latest": shown(call(request({"x": X}))),
        "specific": shown(call(request({"x": X}, version=2))),
        "alias": shown(call(request({"x": X}, label="stable"))),
        "filtered": list(call(request({"x": X}, outputs=["total"])).outputs),
        "strings": {
            "upper": [v.decode() for v in tf.make_ndarray(words.outputs["upper"])],
            "length": tf.make_ndarray(words.outputs["length"]).tolist(),
        },
        "scalar": float(
            tf.make_ndarray(call(request({"x": np.float32(7)}, signature="scalar")).outputs["y"])
        ),
        "empty_batch": list(tf.make_ndarray(call(request({"x": X[:0]})).outputs["y"]).shape),
        "nan": str(tf.make_ndarray(call(request({"x": nan})).outputs["y"])[0, 0]),
        "int64_as_float32": shown(call(request({"x": X.astype(np.int64)})))["y"],
    }


def metadata(stubs):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "arithmetic"
    response = stubs.prediction.GetModelMetadata(message)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    default = found.signature_def["serving_default"]
    x = default.inputs["x"]
    return {
        "spec": [response.model_spec.name, response.model_spec.version.value],
        "signatures": sorted(found.signature_def),
        "x": [tf.dtypes.as_dtype(x.dtype).name, [dim.size for dim in x.tensor_shape.dim]],
        "method": default.method_name,
    }


def status(stubs):
    def states(name, version=None):
        message = get_model_status_pb2.GetModelStatusRequest()
        message.model_spec.name = name
        if version is not None:
            message.model_spec.version.value = version
        response = stubs.models.GetModelStatus(message)
        names = get_model_status_pb2.ModelVersionStatus.State
        return [
            [
                each.version,
                names.Name(each.state),
                each.status.error_code,
                each.status.error_message,
            ]
            for each in response.model_version_status
        ]

    return {
        "arithmetic": states("arithmetic"),
        "one": states("arithmetic", 2),
        "broken": states("broken"),
    }


def errors(stubs):
    call, about = stubs.prediction.Predict, stubs.prediction.GetModelMetadata
    status_of = stubs.models.GetModelStatus
    malformed = request({"x": X})
    malformed.inputs["x"].tensor_content = b"123"
    huge = request({"x": X})
    huge.inputs["x"].tensor_shape.dim[0].size = 2**40
    broadcast = request({"x": X})
    broadcast.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32(1)))
    for size in (2**31, 4):
        broadcast.inputs["x"].tensor_shape.dim.add(size=size)

    def metadata_request(name="arithmetic", fields=("signature_def",)):
        message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
        if name:
            message.model_spec.name = name
        return message

    def status_request(name, version=None):
        message = get_model_status_pb2.GetModelStatusRequest()
        message.model_spec.name = name
        if version:
            message.model_spec.version.value = version
        return message

    a, b = np.ones(2, np.float32), np.ones(3, np.int32)
    calls = {
        "no_name": (call, request({"x": X}, name="")),
        "unknown_model": (call, request({"x": X}, name="nobody")),
        "unknown_version": (call, request({"x": X}, version=7)),
        "unknown_label": (call, request({"x": X}, label="nope")),
        "unknown_signature": (call, request({"x": X}, signature="nope")),
        "missing_input": (call, request({"a": a}, signature="pair")),
        "wrong_name": (call, request({"z": X})),
        "malformed_tensor": (call, malformed),
        "bad_filter": (call, request({"x": X}, outputs=["z"])),
        "duplicate_filter": (call, request({"x": X}, outputs=["y", "y"])),
        "wrong_dtype": (call, request({"x": X.astype(np.float64)})),
        "text_for_numbers": (call, request({"x": np.array([["a"] * 4])})),
        "wrong_shape": (call, request({"x": np.ones((1, 5), np.float32)})),
        "wrong_rank": (call, request({"x": X[0]})),
        "ragged_batch": (call, request({"a": a, "b": b}, signature="pair")),
        "huge_declared_shape": (call, huge),
        "huge_broadcast": (call, broadcast),
        "lossy_integer": (call, request({"x": np.full((1, 4), 2**24 + 1, np.int64)})),
        "quarantined": (call, request({"x": X}, name="broken")),
        "metadata_no_spec": (about, metadata_request("")),
        "metadata_no_field": (about, metadata_request(fields=())),
        "metadata_bad_field": (about, metadata_request(fields=("nope",))),
        "status_no_spec": (status_of, get_model_status_pb2.GetModelStatusRequest()),
        "status_unknown": (status_of, status_request("nobody")),
        "status_unknown_version": (status_of, status_request("arithmetic", 7)),
        "reload": (
            stubs.models.HandleReloadConfigRequest,
            model_management_pb2.ReloadConfigRequest(),
        ),
        "classify": (stubs.prediction.Classify, classification_pb2.ClassificationRequest()),
    }
    return {name: failure(*each) for name, each in calls.items()}


def failure(call, message):
    try:
        call(message)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return ["OK", ""]


class Stubs:
    def __init__(self, channel):
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)


if __name__ == "__main__":
    scenarios = {"predict": predict, "metadata": metadata, "status": status, "errors": errors}
    with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
        print(json.dumps(scenarios[sys.argv[2]](Stubs(channel))))
