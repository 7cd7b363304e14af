"""What a network sees of an image, against Pillow."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from modelyard.errors import BadData
from modelyard.examples import Examples
from modelyard.recipe import Split
from modelyard.tasks import ImageClassification
from modelyard.tasks.image_classification.keras import ImageLearning, prepare_encoded

RED = (255, 0, 0)


def encoded(mode: str, format_: str, size: tuple[int, int] = (6, 4), colour: Any = None) -> bytes:
    """Width × height, a gradient unless there is a colour."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if colour is not None:
        image = Image.new(mode, size, colour)
    file = io.BytesIO()
    image.save(file, format_)
    return file.getvalue()


def objects(values: list[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def prepared(image: bytes, size: tuple[int, int], channels: int) -> NDArray[Any]:
    seen: NDArray[Any] = prepare_encoded(tf.constant([image]), size, channels).numpy()[0]
    return seen


def learned(images: list[bytes], **fields: Any) -> ImageLearning:
    labels = objects(["a", "b"] * (len(images) // 2))
    examples = Examples({"image": objects(images), "label": labels}, "photos.npz", first_line=0)
    return ImageLearning.of(ImageClassification(**fields), examples, Split(), seed=0)


@pytest.mark.parametrize(
    ("mode", "format_"),
    [
        *(("L", "PNG"), ("LA", "PNG"), ("RGB", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG")),
        *(("L", "JPEG"), ("RGB", "JPEG"), ("RGB", "BMP"), ("L", "GIF"), ("RGB", "GIF")),
    ],
)
def test_every_kind_of_image_becomes_grey_and_colour(mode: str, format_: str) -> None:
    image = encoded(mode, format_)
    truth = np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) / 255

    colour, grey = prepared(image, (4, 6), 3), prepared(image, (4, 6), 1)

    np.testing.assert_allclose(colour, truth, atol=0.02)
    np.testing.assert_allclose(grey[..., 0], truth.mean(axis=-1), atol=0.02)  # the image is grey


def test_colours_are_weighed_as_the_eye_does() -> None:
    assert prepared(encoded("RGB", "PNG", colour=RED), (1, 1), 1).item() == pytest.approx(
        0.299, abs=0.01
    )


def test_size_is_height_and_width() -> None:
    assert prepared(encoded("L", "PNG", (30, 20)), (5, 9), 3).shape == (5, 9, 3)


def test_a_smaller_image_keeps_its_mean() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")

    small = prepared(file.getvalue(), (8, 8), 1)

    assert small.mean() == pytest.approx(noise.mean() / 255, abs=0.01)
    assert small.std() < 0.1  # each value is the mean of an area, not one pixel of it


def test_the_first_image_tells_size_and_channels() -> None:
    learning = learned([encoded("RGB", "PNG", (7, 5)), *[encoded("L", "JPEG")] * 9])

    assert learning.features.shape == (5, 7, 3)
    assert learning.serving == {"size": [5, 7], "channels": 3}


def test_an_image_that_breaks_off_is_named() -> None:
    whole = encoded("RGB", "PNG", (64, 64))
    images = [whole, whole, whole[:60], *[whole] * 7]

    with pytest.raises(BadData) as caught:
        learned(images)

    [violation] = caught.value.violations
    assert violation.field == "photos.npz:2"
    assert "cannot be decoded" in violation.message


def test_the_digits_that_are_shipped_to_ask_about() -> None:
    folder = Path(__file__).parents[3] / "examples" / "digits"

    sizes = {}
    for file in folder.glob("*.png"):
        with Image.open(file) as image:
            sizes[file.stem] = image.size

    assert sizes == {name: (8, 8) for name in ("eight", "five", "seven", "three")}
