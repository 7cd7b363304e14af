"""Images are changed by chance while training, within what the fields say, and never else."""

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from modelyard.tasks.image_classification.augmentation import Augmentation

RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.uniform(0.2, 0.8, (64, 8, 8, 1)).astype(np.float32)


def changed(images=IMAGES, *, training=True, **fields):
    keras.utils.set_random_seed(4)
    model = keras.Sequential([keras.Input(images.shape[1:]), *Augmentation(**fields).layers()])
    return model(images, training=training).numpy()


EVERYTHING = {
    "flip": "both",
    "rotation": 20,
    "translation": 0.1,
    "zoom": 0.2,
    "contrast": 0.3,
    "noise": 0.1,
}


def test_nothing_is_the_default():
    assert Augmentation().layers() == []


def test_answers_see_none_of_it():
    np.testing.assert_array_equal(changed(training=False, **EVERYTHING), IMAGES)


@pytest.mark.parametrize("field", EVERYTHING)
def test_each_field_changes_images_by_itself(field):
    different = [
        not np.array_equal(one, other)
        for one, other in zip(changed(**{field: EVERYTHING[field]}), IMAGES, strict=True)
    ]

    assert np.mean(different) > 0.4


@pytest.mark.parametrize(("flip", "axis"), [("horizontal", 2), ("vertical", 1)])
def test_about_half_are_mirrored(flip, axis):
    found, mirrored = changed(flip=flip), np.flip(IMAGES, axis)
    is_mirrored = (found == mirrored).all(axis=(1, 2, 3))
    is_same = (found == IMAGES).all(axis=(1, 2, 3))

    assert (is_mirrored | is_same).all()
    assert 0.25 < is_mirrored.mean() < 0.75


def test_noise_has_its_deviation():
    assert np.std(changed(noise=0.1) - IMAGES) == pytest.approx(0.1, rel=0.05)


def test_contrast_keeps_the_mean():
    found = changed(contrast=0.2)
    factor = found.std(axis=(1, 2, 3)) / IMAGES.std(axis=(1, 2, 3))

    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), IMAGES.mean(axis=(1, 2, 3)), rtol=1e-3)
    assert factor.min() >= 0.799
    assert factor.max() <= 1.201


def test_a_translation_moves_as_far_as_it_says():
    """A dot in the middle of 21 pixels moves two of them at most."""
    dots = np.zeros((64, 21, 21, 1), np.float32)
    dots[:, 10, 10] = 1
    seen = changed(dots, translation=0.1, fill="constant").max(axis=0)[..., 0]

    rows, columns = np.nonzero(seen)
    assert 7 <= min(rows.min(), columns.min()) < 10
    assert 10 < max(rows.max(), columns.max()) <= 13


@pytest.mark.parametrize(
    "wrong", [{"flip": "sideways"}, {"rotation": 200}, {"zoom": 1}, {"noise": -1}, {"hue": 0.1}]
)
def test_what_is_wrong_is_named(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Augmentation(**wrong)
