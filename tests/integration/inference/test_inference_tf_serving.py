"""The unmodified client of TensorFlow Serving, in a process of its own because it imports TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).parent / "tf_serving_client.py"


def asked(port: int, scenario: str) -> Any:
    run = subprocess.run(
        [sys.executable, str(CLIENT), str(port), scenario],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return json.loads(run.stdout)


def test_the_stubs_of_tensorflow_serving_work_as_they_are(
    start: Any, publish: Any, store: Any
) -> None:
    publish("times2", "arithmetic", 2)
    publish("times3", "arithmetic", 10)
    store.set_aliases("arithmetic", {"stable": 2, "next": 10})
    (publish.without_manifest("times2", "broken", 1) / "saved_model.pb").write_bytes(b"garbage")
    port = start().port

    predicted = asked(port, "predict")
    assert predicted["latest"] == {
        # 10 is later than 2: versions are numbers.
        "spec": ["arithmetic", 10, "serving_default", ""],
        "y": [3.0, 6.0, 9.0, 12.0],
        "typed": True,
    }
    assert predicted["specific"]["spec"] == ["arithmetic", 2, "serving_default", ""]
    assert predicted["specific"]["y"] == [2.0, 4.0, 6.0, 8.0]
    assert predicted["alias"]["spec"] == ["arithmetic", 2, "serving_default", ""]
    assert predicted["filtered"] == ["total"]
    assert predicted["strings"] == {"upper": ["AB", "ÿ"], "length": [2, 2]}  # of bytes
    assert predicted["scalar"] == 21.0
    assert predicted["empty_batch"] == [0, 4]
    assert predicted["nan"] == "nan"
    assert predicted["int64_as_float32"] == [3.0, 6.0, 9.0, 12.0]

    metadata = asked(port, "metadata")
    assert metadata["spec"] == ["arithmetic", 10]
    assert metadata["signatures"] == sorted(
        ["serving_default", "pair", "words", "positive", "spin", "scalar"]
    )
    assert metadata["x"] == ["float32", [-1, 4]]
    assert metadata["method"] == "tensorflow/serving/predict"

    status = asked(port, "status")
    assert status["arithmetic"] == [[10, "AVAILABLE", 0, ""], [2, "AVAILABLE", 0, ""]]
    assert status["one"] == [[2, "AVAILABLE", 0, ""]]
    version, state, code, message = status["broken"][0]
    assert (version, state) == (1, "END")
    assert code != 0
    assert message

    errors = asked(port, "errors")
    assert errors.keys() == EXPECTED_ERRORS.keys()
    for name, (code, beginning) in EXPECTED_ERRORS.items():
        assert errors[name][0] == code, name
        assert errors[name][1].startswith(beginning), name


EXPECTED_ERRORS = {
    "no_name": ["INVALID_ARGUMENT", "ModelSpec has no name specified."],
    "unknown_model": ["NOT_FOUND", "Servable not found for request: Latest(nobody)"],
    "unknown_version": ["NOT_FOUND", "Servable not found for request: Specific(arithmetic, 7)"],
    "unknown_label": ["INVALID_ARGUMENT", "Unrecognized servable version label: nope"],
    "unknown_signature": ["FAILED_PRECONDITION", 'Serving signature key "nope" not found.'],
    "missing_input": [
        "INVALID_ARGUMENT",
        "input size does not match signature: 1!=2 len({a}) != len({a,b}). "
        "Sent extra: {}. Missing but required: {b}.",
    ],
    "wrong_name": ["INVALID_ARGUMENT", "Signature input alias: x not found in request"],
    "malformed_tensor": ["INVALID_ARGUMENT", "tensor parsing error: x"],
    "bad_filter": [
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: z "
        "Outputs expected to be in the set {total,y}.",
    ],
    "duplicate_filter": ["INVALID_ARGUMENT", "duplicate output tensor alias: y"],
    "wrong_dtype": [
        "INVALID_ARGUMENT",
        "inputs.x: wrong dtype (expected float32, received float64)",
    ],
    "text_for_numbers": [
        "INVALID_ARGUMENT",
        "inputs.x: wrong dtype (expected float32, received string)",
    ],
    "wrong_shape": [
        "INVALID_ARGUMENT",
        "inputs.x: wrong shape (expected [-1, 4], received [1, 5])",
    ],
    "wrong_rank": ["INVALID_ARGUMENT", "inputs.x: wrong shape (expected [-1, 4], received [4])"],
    "ragged_batch": ["INVALID_ARGUMENT", "inputs: the inputs hold different numbers of examples"],
    "huge_declared_shape": ["INVALID_ARGUMENT", "tensor parsing error: x"],
    "huge_broadcast": ["INVALID_ARGUMENT", "tensor parsing error: x"],
    "lossy_integer": [
        "INVALID_ARGUMENT",
        "inputs.x: wrong dtype (expected float32, received int64)",
    ],
    "quarantined": ["NOT_FOUND", "Servable not found for request: Latest(broken)"],
    "metadata_no_spec": ["INVALID_ARGUMENT", "Missing ModelSpec"],
    "metadata_no_field": [
        "INVALID_ARGUMENT",
        "GetModelMetadataRequest must specify at least one metadata_field",
    ],
    "metadata_bad_field": ["INVALID_ARGUMENT", "Metadata field nope is not supported"],
    "status_no_spec": ["INVALID_ARGUMENT", "Missing ModelSpec"],
    "status_unknown": ["NOT_FOUND", "Could not find any versions of model nobody"],
    "status_unknown_version": ["NOT_FOUND", "Could not find version 7 of model arithmetic"],
    "reload": ["FAILED_PRECONDITION", "models are taken from the model directory"],
}
"""Codes, and how the messages begin: those of TensorFlow Serving where it has any."""


def test_examples_are_classified_and_valued(start: Any, publish: Any) -> None:
    publish.without_manifest("examples", "examples", 7)
    publish("classified", "classified", 1)
    publish("valued", "valued", 1)
    port = start().port

    answers = asked(port, "examples")
    classes = [[["small", 1.0], ["big", 0.0]], [["small", 0.0], ["big", 1.0]]]
    assert answers == {
        "spec": ["examples", 7, "serving_default"],
        "classes": classes,
        "regress_spec": ["examples", 7, "regress"],
        "values": [6.0, 60.0],
        # What an example says itself stands above the context.
        "context": [8.0, 80.0],
        "multi": [classes, [6.0, 60.0]],
        "multi_specs": [["examples", 7, "serving_default"], ["examples", 7, "regress"]],
        # Trained here: a feature for each input, and the classes of the manifest.
        "trained_classes": [
            [["short", 0.0], ["tall", 1.0]],
            [["short", 1.0], ["tall", 0.0]],
        ],
        "trained_values": [193.0, 154.0],  # height and length of the colour
    }

    errors = asked(port, "example_errors")
    assert errors.keys() == EXAMPLE_ERRORS.keys()
    for name, (code, beginning) in EXAMPLE_ERRORS.items():
        assert errors[name][0] == code, name
        assert errors[name][1].startswith(beginning), (name, errors[name])


EXAMPLE_ERRORS = {
    "empty": ["INVALID_ARGUMENT", "Input is empty."],
    "no_input": ["INVALID_ARGUMENT", "Input is empty."],
    "no_name": ["INVALID_ARGUMENT", "ModelSpec has no name specified."],
    "unknown_model": ["NOT_FOUND", "Servable not found for request: Latest(nobody)"],
    "unknown_signature": ["INVALID_ARGUMENT", "No signature was found with the name: nope"],
    "regress_by_classifier": [
        "INVALID_ARGUMENT",
        "No regression outputs found in SignatureDef",
    ],
    "classify_by_regressor": [
        "INVALID_ARGUMENT",
        "Expected classification signature outputs to contain at least one of",
    ],
    "graph_refuses": ["INVALID_ARGUMENT", ""],
    "missing_feature": ["INVALID_ARGUMENT", "examples[0].colour: missing"],
    "wrong_type": [
        "INVALID_ARGUMENT",
        "examples[0].height: wrong type (expected floats, received bytes)",
    ],
    "multi_no_name": ["INVALID_ARGUMENT", "Found ModelSpec with an empty model name."],
    "multi_models": [
        "INVALID_ARGUMENT",
        "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
    ],
    "multi_twice": ["INVALID_ARGUMENT", "Duplicate evaluation of signature: serving_default"],
    "multi_method": [
        "UNIMPLEMENTED",
        "Unsupported signature method_name: tensorflow/serving/predict",
    ],
}
