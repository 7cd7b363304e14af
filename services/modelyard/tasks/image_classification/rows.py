"""Whether the rows of a dataset are images with labels, before any is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelyard.errors import BadData, InvalidRequest, Violation
from modelyard.examples import Examples
from modelyard.tasks import classification
from modelyard.tasks.image_classification import headers

if TYPE_CHECKING:
    from modelyard.tasks.image_classification.task import ImageClassification

MOST_BYTES = 64 * 1024 * 1024
"""Of one encoded image."""
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
_FORMATS = "a JPEG, PNG, GIF or BMP"


def check(task: ImageClassification, examples: Examples) -> None:
    classification.check_labels(examples, task.label)
    images = examples.columns[task.image]
    if images.dtype == object:
        BadData.refuse(_unreadable(examples, images))
    else:
        _check_arrays(examples, task.image, images)


def _unreadable(examples: Examples, images: NDArray[Any]) -> Iterator[Violation]:
    for row, image in enumerate(images):
        where = examples.where(row)
        if not isinstance(image, bytes) or not image.startswith(_MAGIC):
            yield Violation(where, "is no image that can be decoded", _FORMATS, _begin(image))
        elif len(image) > MOST_BYTES:
            yield Violation(
                where, "the image is too large", f"at most {MOST_BYTES} bytes", str(len(image))
            )
        else:
            yield from _header(where, image)


def _header(where: str, image: bytes) -> Iterator[Violation]:
    """A few kilobytes may claim to be gigapixels, and the decoder would believe them."""
    try:
        headers.check(where, image)
    except InvalidRequest as error:
        yield from error.violations


def _begin(image: Any) -> str:
    return f"{image[:8]!r}…" if image else "nothing"


def _check_arrays(examples: Examples, column: str, images: NDArray[Any]) -> None:
    where = f"{examples.source}[{column}]"
    is_grey = images.ndim == 3
    if not is_grey and (images.ndim != 4 or images.shape[3] not in (1, 3)):
        raise BadData.of(
            where,
            "is no array of images",
            expected="(examples, height, width), or a last dimension of 1 or 3 channels",
            received=str(images.shape),
        )
    if images.dtype == np.uint8:
        return
    flat = images.reshape(len(images), -1)
    bad = np.flatnonzero(~((flat >= 0) & (flat <= 255)).all(axis=1))
    BadData.refuse(
        Violation(examples.where(int(row)), "holds values that are no brightness", "0 to 255")
        for row in bad
    )
    if flat.max() <= 1 and (flat % 1).any():
        raise BadData.of(
            where, "is scaled already; multiply it by 255", expected="0 to 255", received="0 to 1"
        )
