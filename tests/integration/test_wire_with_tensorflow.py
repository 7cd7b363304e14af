"""Our codecs against TensorFlow's own, for every dtype and for shapes and values that hypothesis finds."""

import hypothesis.extra.numpy as arrays
import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_dtypes import bfloat16
from tensorflow.core.framework import tensor_pb2

from modelyard.wire import tensors, tfrecord
from modelyard.wire.tf_serving import TensorProto

NUMBERS = (
    *(np.float16, np.float32, np.float64, np.complex64, np.complex128, np.bool_),
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


def theirs(proto):
    return tf.make_ndarray(tensor_pb2.TensorProto.FromString(proto.SerializeToString()))


@settings(deadline=None)
@given(st.data(), st.sampled_from(NUMBERS), st.booleans())
def test_tensorflow_reads_what_we_write(data, dtype, as_content):
    array = data.draw(arrays.arrays(dtype, SHAPES))
    read = theirs(tensors.encode(array, as_content=as_content))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@settings(deadline=None)
@given(st.data(), st.sampled_from(NUMBERS))
def test_we_read_what_tensorflow_writes(data, dtype):
    array = data.draw(arrays.arrays(dtype, SHAPES))
    written = tf.make_tensor_proto(array, shape=array.shape).SerializeToString()
    read = tensors.decode("x", TensorProto.FromString(written))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_strings_both_ways(values):
    array = np.empty(len(values), object)
    array[:] = values
    np.testing.assert_array_equal(theirs(tensors.encode(array)), array)
    written = tf.make_tensor_proto(array).SerializeToString()
    np.testing.assert_array_equal(tensors.decode("x", TensorProto.FromString(written)), array)
    # The form that only TensorFlow's C++ writes.
    content = TensorProto(
        dtype=7,
        tensor_shape=tensors.shape_proto(array.shape),
        tensor_content=b"".join(_varint(len(v)) for v in values) + b"".join(values),
    )
    parsed = tf.io.parse_tensor(content.SerializeToString(), tf.string)
    np.testing.assert_array_equal(parsed.numpy(), array)
    np.testing.assert_array_equal(tensors.decode("x", content), array)


@settings(deadline=None)
@given(st.lists(st.floats(width=16), min_size=1, max_size=5))
def test_bfloat16(values):
    array = np.array(values, np.float32).astype(bfloat16)
    read = theirs(tensors.encode(array))
    np.testing.assert_array_equal(read.view(np.uint16), array.view(np.uint16))  # NaN has its bits


@settings(deadline=None)
@given(st.lists(st.binary(max_size=5000), max_size=5))
def test_record_files_both_ways(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("records")
    tfrecord.write(folder / "ours", records)
    read = tf.data.TFRecordDataset(str(folder / "ours"))
    assert [record.numpy() for record in read] == records
    with tf.io.TFRecordWriter(str(folder / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert list(tfrecord.read(folder / "theirs")) == records


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
