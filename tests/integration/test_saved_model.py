"""A SavedModel is loaded, asked, refused and let go."""

import gc
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from modelyard.errors import FailedPrecondition, InvalidRequest, NotFound, Unavailable
from modelyard.runtimes import saved_model


class Doubling(tf.Module):
    """Numbers are doubled; text is looked up in a table; one output more than is asked for."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(2.0)
        keys = tf.constant(["one", "two"])
        values = tf.constant([1.0, 2.0])
        initializer = tf.lookup.KeyValueTensorInitializer(keys, values)
        self.table = tf.lookup.StaticHashTable(initializer, -1.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "x")])
    def double(self, x):
        return {"y": x * self.factor, "rows": tf.shape(x)[0]}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "word")])
    def look_up(self, word):
        with tf.control_dependencies(
            [tf.debugging.assert_greater(tf.strings.length(word), 0, "a word is empty")]
        ):
            return {"value": self.table.lookup(word)}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "1"
    module = Doubling()
    signatures = {"serving_default": module.double, "look_up": module.look_up}
    tf.saved_model.save(module, str(path), signatures)
    return path


@pytest.fixture(scope="module")
def runtime(path):
    return saved_model.load(path)


X = np.float32([[1, 2, 3]])


def test_signatures_say_names_dtypes_and_shapes(runtime):
    assert set(runtime.signatures) == {"serving_default", "look_up"}
    assert runtime.signatures["serving_default"].inputs["x"].shape == (-1, 3)
    assert runtime.signatures["look_up"].inputs["word"].dtype == object
    assert runtime.signatures["look_up"].outputs["value"].dtype == np.float32


def test_numbers_and_text(runtime):
    answer = runtime.run("serving_default", {"x": X})
    np.testing.assert_array_equal(answer["y"], 2 * X)
    assert answer["rows"] == 1
    words = np.array([b"two", "one", b"three"], object)
    np.testing.assert_array_equal(runtime.run("look_up", {"word": words})["value"], [2, 1, -1])


def test_only_the_outputs_that_are_wanted(runtime):
    assert set(runtime.run("serving_default", {"x": X}, ["rows"])) == {"rows"}


def test_an_empty_batch(runtime):
    assert runtime.run("serving_default", {"x": np.zeros((0, 3), np.float32)})["y"].shape == (0, 3)


@pytest.mark.parametrize(
    ("signature", "inputs", "outputs", "field"),
    [
        ("other", {"x": X}, (), "signature"),
        ("serving_default", {}, (), "inputs.x"),
        ("serving_default", {"x": X, "z": X}, (), "inputs.z"),
        ("serving_default", {"x": X.astype(np.float64)}, (), "inputs.x"),
        ("serving_default", {"x": X[:, :2]}, (), "inputs.x"),
        ("serving_default", {"x": X[0]}, (), "inputs.x"),
        ("serving_default", {"x": X}, ("z",), "outputs.z"),
        ("look_up", {"word": np.float32([1])}, (), "inputs.word"),
    ],
)
def test_what_does_not_fit_is_named(runtime, signature, inputs, outputs, field):
    with pytest.raises(InvalidRequest) as raised:
        runtime.run(signature, inputs, outputs)
    assert raised.value.violations[0].field == field


def test_what_the_graph_refuses_is_the_callers_fault(runtime):
    with pytest.raises(InvalidRequest, match="a word is empty"):
        runtime.run("look_up", {"word": np.array([b""], object)})
    with pytest.raises(InvalidRequest):
        runtime.run("look_up", {"word": np.array([{}], object)})


def test_threads_get_their_own_answers(runtime):
    def ask(value):
        return runtime.run("serving_default", {"x": np.full((4, 3), value, np.float32)})["y"][0, 0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == [2.0 * value for value in range(200)]


def test_what_is_no_model(tmp_path):
    with pytest.raises(NotFound, match="holds no SavedModel"):
        saved_model.load(tmp_path)


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index"])
def test_a_broken_model_is_a_plain_error(path, tmp_path, file):
    shutil.copytree(path, tmp_path / "1")
    broken = tmp_path / "1" / file
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    with pytest.raises(FailedPrecondition, match="cannot be loaded"):
        saved_model.load(tmp_path / "1")


def test_close_lets_go(path):
    runtime = saved_model.load(path)
    loaded = weakref.ref(runtime._loaded)
    runtime.close()
    runtime.close()
    gc.collect()
    assert loaded() is None
    with pytest.raises(Unavailable):
        runtime.run("serving_default", {"x": X})
