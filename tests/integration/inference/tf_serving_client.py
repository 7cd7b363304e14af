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
    inference_pb2,
    input_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
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


def example(**features):
    message = tf.train.Example()
    for name, value in features.items():
        feature = message.features.feature[name]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return message


def given(*examples, context=None):
    if context is None:
        return input_pb2.Input(example_list=input_pb2.ExampleList(examples=examples))
    listed = input_pb2.ExampleListWithContext(examples=examples, context=context)
    return input_pb2.Input(example_list_with_context=listed)


def about(kind, name, data, signature=""):
    message = kind(input=data)
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    return message


def classification(name, data, signature=""):
    return about(classification_pb2.ClassificationRequest, name, data, signature)


def regression(name, data, signature=""):
    return about(regression_pb2.RegressionRequest, name, data, signature)


def several(data, *tasks):
    message = inference_pb2.MultiInferenceRequest(input=data)
    for name, signature, method in tasks:
        task = message.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = name, signature
    return message


def of_classes(result):
    return [[[c.label, c.score] for c in each.classes] for each in result.classifications]


def of_values(result):
    return [each.value for each in result.regressions]


def spec_of(response):
    spec = response.model_spec
    return [spec.name, spec.version.value, spec.signature_name]


def examples(stubs):
    two = given(example(x=3.0), example(x=30.0))
    classified = stubs.prediction.Classify(classification("examples", two))
    regressed = stubs.prediction.Regress(regression("examples", two, "regress"))
    shared = given(example(x=4.0), example(), context=example(x=40.0))
    multi = stubs.prediction.MultiInference(
        several(two, ("examples", "", "classify"), ("examples", "regress", "regress"))
    ).results
    people = given(example(height=190.0, colour="red"), example(height=150, colour="grey"))
    return {
        "spec": spec_of(classified),
        "classes": of_classes(classified.result),
        "regress_spec": spec_of(regressed),
        "values": of_values(regressed.result),
        "context": of_values(
            stubs.prediction.Regress(regression("examples", shared, "regress")).result
        ),
        "multi": [
            of_classes(multi[0].classification_result),
            of_values(multi[1].regression_result),
        ],
        "multi_specs": [spec_of(each) for each in multi],
        "trained_classes": of_classes(
            stubs.prediction.Classify(classification("classified", people)).result
        ),
        "trained_values": of_values(stubs.prediction.Regress(regression("valued", people)).result),
    }


def example_errors(stubs):
    ask = stubs.prediction
    one = given(example(x=3.0))
    calls = {
        "empty": (ask.Classify, classification("examples", given())),
        "no_input": (ask.Regress, regression("examples", input_pb2.Input())),
        "no_name": (ask.Classify, classification("", one)),
        "unknown_model": (ask.Classify, classification("nobody", one)),
        "unknown_signature": (ask.Classify, classification("examples", one, "nope")),
        "regress_by_classifier": (ask.Regress, regression("examples", one)),
        "classify_by_regressor": (ask.Classify, classification("examples", one, "regress")),
        "graph_refuses": (ask.Classify, classification("examples", given(example(z=1.0)))),
        "missing_feature": (
            ask.Classify,
            classification("classified", given(example(height=1.0))),
        ),
        "wrong_type": (
            ask.Classify,
            classification("classified", given(example(height="tall", colour="red"))),
        ),
        "multi_no_name": (ask.MultiInference, several(one, ("", "", "classify"))),
        "multi_models": (
            ask.MultiInference,
            several(one, ("examples", "", "classify"), ("valued", "", "regress")),
        ),
        "multi_twice": (
            ask.MultiInference,
            several(one, ("examples", "", "classify"), ("examples", "", "classify")),
        ),
        "multi_method": (ask.MultiInference, several(one, ("examples", "", "predict"))),
    }
    return {name: failure(*each) for name, each in calls.items()}


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
    scenarios = {
        "predict": predict,
        "examples": examples,
        "example_errors": example_errors,
        "metadata": metadata,
        "status": status,
        "errors": errors,
    }
    with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
        print(json.dumps(scenarios[sys.argv[2]](Stubs(channel))))
