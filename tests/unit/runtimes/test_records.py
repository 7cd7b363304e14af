"""Golden batches and warmup requests, as they are kept beside a version."""

import numpy as np
import pytest

from modelyard.errors import FailedPrecondition
from modelyard.runtimes import records
from modelyard.runtimes.records import Record
from modelyard.wire import tfrecord
from modelyard.wire.tf_serving import PredictionLog


@pytest.fixture
def golden():
    texts = np.array([b"hello", b""], object)
    return Record("serving_default", {"text": texts}, {"scores": np.float32([[0.1, 0.9], [1, 0]])})


def test_what_was_written_is_read(tmp_path, golden):
    records.write(tmp_path / "assets.extra/golden", "spam", 3, [golden])
    (read,) = records.read(tmp_path / "assets.extra/golden")
    assert read.signature == golden.signature
    np.testing.assert_array_equal(read.inputs["text"], golden.inputs["text"])
    np.testing.assert_array_equal(read.outputs["scores"], golden.outputs["scores"])


def test_the_file_is_tensorflow_servings(tmp_path, golden):
    records.write(tmp_path / "warmup", "spam", 3, [Record(golden.signature, golden.inputs, {})])
    log = PredictionLog.FromString(next(iter(tfrecord.read(tmp_path / "warmup"))))
    assert log.predict_log.request.model_spec.name == "spam"
    assert log.predict_log.request.model_spec.version.value == 3
    assert not log.predict_log.HasField("response")


def test_a_record_of_something_else(tmp_path):
    tfrecord.write(tmp_path / "golden", [b"\xff\xff\xff"])
    with pytest.raises(FailedPrecondition, match="no PredictionLog"):
        list(records.read(tmp_path / "golden"))
