"""Builds the SavedModels of the tests: `python build_models.py FOLDER`. They answer in ways one can check."""

import sys
from pathlib import Path

import tensorflow as tf


def tensor(dtype, *shape):
    return tf.TensorSpec([None, *shape], dtype)


class Arithmetic(tf.Module):
    """y = factor * x, and a signature that is as slow as its input asks for."""

    def __init__(self, factor):
        super().__init__()
        self.factor = tf.Variable(float(factor))

    @tf.function(input_signature=[tensor(tf.float32, 4)])
    def times(self, x):
        return {"y": self.factor * x, "total": tf.reduce_sum(self.factor * x, axis=1)}

    @tf.function(input_signature=[tensor(tf.float32), tensor(tf.int32)])
    def pair(self, a, b):
        return {"sum": a + tf.cast(b, tf.float32)}

    @tf.function(input_signature=[tensor(tf.string)])
    def words(self, text):
        return {"upper": tf.strings.upper(text), "length": tf.strings.length(text)}

    @tf.function(input_signature=[tensor(tf.float32)])
    def positive(self, x):
        """One row below zero fails the whole batch, as an image that is none does."""
        tf.debugging.assert_greater_equal(x, 0.0, "x is below zero")
        return {"root": tf.sqrt(x)}

    @tf.function(input_signature=[tensor(tf.int32)])
    def spin(self, rounds):
        """Works for so many rounds: about a tenth of a millisecond each."""
        start = tf.eye(96)
        matrix = tf.while_loop(
            lambda i, _: i < tf.reduce_max(rounds),
            lambda i, m: (i + 1, tf.linalg.matmul(m, m) * 0.5),
            (0, start),
        )[1]
        return {"rounds": rounds + tf.cast(matrix[0, 0] * 0.0, tf.int32)}

    @tf.function(input_signature=[tensor(tf.float32)])
    def centred(self, x):
        """Rows that know of one another: must never share a batch with a stranger's."""
        return {"y": x - tf.reduce_mean(x)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def scalar(self, x):
        return {"y": x * self.factor}

    def signatures(self):
        return {
            "serving_default": self.times,
            "pair": self.pair,
            "words": self.words,
            "positive": self.positive,
            "spin": self.spin,
            "scalar": self.scalar,
        }


class Images(tf.Module):
    """Dark or bright: the mean of the pixels."""

    def _answer(self, brightness):
        scores = tf.stack([1.0 - brightness, brightness], axis=1)
        classes = tf.gather(tf.constant(["dark", "bright"]), tf.argmax(scores, axis=1))
        return {"scores": scores, "class": classes}

    @tf.function(input_signature=[tensor(tf.string)])
    def encoded(self, image):
        def brightness(data):
            pixels = tf.io.decode_image(data, channels=1, expand_animations=False)
            return tf.reduce_mean(tf.cast(pixels, tf.float32)) / 255.0

        return self._answer(
            tf.map_fn(brightness, image, fn_output_signature=tf.TensorSpec([], tf.float32))
        )

    @tf.function(input_signature=[tensor(tf.uint8, None, None, 1)])
    def arrays(self, image):
        return self._answer(tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3]) / 255.0)

    def signatures(self):
        return {"serving_default": self.encoded, "arrays": self.arrays}


class Texts(tf.Module):
    """Spam if it has a digit."""

    @tf.function(input_signature=[tensor(tf.string)])
    def classify(self, text):
        spam = tf.cast(tf.strings.regex_full_match(text, "(?s).*[0-9].*"), tf.float32)
        scores = tf.stack([1.0 - spam, spam], axis=1)
        classes = tf.gather(tf.constant(["ham", "spam"]), tf.argmax(scores, axis=1))
        return {"scores": scores, "class": classes}

    def signatures(self):
        return {"serving_default": self.classify}


class Series(tf.Module):
    """The last value, and the last covariate added for every step further."""

    @tf.function(input_signature=[tensor(tf.float32, None, 2)])
    def forecast(self, history):
        last, step = history[:, -1, 0:1], history[:, -1, 1:2]
        return {"forecast": last + step * tf.constant([[1.0, 2.0, 3.0]])}

    def signatures(self):
        return {"serving_default": self.forecast}


class Rows(tf.Module):
    """Tall if above 180; an unknown height is 0. Weight is length of the colour plus height."""

    @tf.function(input_signature=[tensor(tf.float32), tensor(tf.string)])
    def classify(self, height, colour):
        known = tf.where(tf.math.is_nan(height), 0.0, height)
        tall = tf.cast(known > 180.0, tf.float32)
        scores = tf.stack([1.0 - tall, tall], axis=1)
        classes = tf.gather(tf.constant(["short", "tall"]), tf.argmax(scores, axis=1))
        return {"scores": scores, "class": classes}

    @tf.function(input_signature=[tensor(tf.float32), tensor(tf.string)])
    def value(self, height, colour):
        known = tf.where(tf.math.is_nan(height), 0.0, height)
        return {"value": known + tf.cast(tf.strings.length(colour), tf.float32)}


class Examples(tf.Module):
    """As models for Classify and Regress were exported: parses the examples itself. Big if x > 10."""

    def _x(self, inputs):
        features = {"x": tf.io.FixedLenFeature([], tf.float32)}
        return tf.io.parse_example(inputs, features)["x"]

    @tf.function(input_signature=[tensor(tf.string)])
    def classify(self, inputs):
        big = tf.cast(self._x(inputs) > 10.0, tf.float32)
        scores = tf.stack([1.0 - big, big], axis=1)
        classes = tf.tile(tf.constant([["small", "big"]]), [tf.shape(scores)[0], 1])
        return {"classes": classes, "scores": scores}

    @tf.function(input_signature=[tensor(tf.string)])
    def regress(self, inputs):
        return {"outputs": 2.0 * self._x(inputs)[:, None]}

    def signatures(self):
        return {"serving_default": self.classify, "regress": self.regress}


class Classified(Rows):
    def signatures(self):
        return {"serving_default": self.classify}


class Valued(Rows):
    def signatures(self):
        return {"serving_default": self.value}


def main(folder):
    models = {
        "times2": Arithmetic(2),
        "times3": Arithmetic(3),
        "images": Images(),
        "texts": Texts(),
        "series": Series(),
        "examples": Examples(),
        "classified": Classified(),
        "valued": Valued(),
    }
    for name, module in models.items():
        tf.saved_model.save(module, str(folder / name), signatures=module.signatures())
    centred = Arithmetic(1)
    tf.saved_model.save(
        centred, str(folder / "centred"), signatures={"serving_default": centred.centred}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
