"""What people predict from, as messages: paths, bytes, images of Pillow, arrays, tables, plain lists.

Everything is recognised by what it can do, so that no library is imported that its owner has not imported.
"""

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelyard.client import arrow_tables
from modelyard.client.errors import InvalidRequest
from modelyard.errors import Violation
from modelyard.v1 import forecasting_pb2, tabular_pb2, vision_pb2

Image = bytes | os.PathLike[str] | str | Any
"""An encoded image, the path of one, a Pillow image, or an array [height, width(, channels)] of 0 … 255."""
Rows = Sequence[Mapping[str, Any]] | Any
"""Mappings of a column to a number or a text (None is missing), or a table that speaks Arrow, such as a DataFrame."""

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def image(position: int, value: Image) -> vision_pb2.Image:
    where = f"images[{position}]"
    if isinstance(value, bytes | bytearray | memoryview):
        return vision_pb2.Image(encoded=bytes(value))
    if isinstance(value, str | os.PathLike):
        return vision_pb2.Image(encoded=_file(where, Path(value)))
    if _is_pillow(value):
        return vision_pb2.Image(encoded=_png(value))
    return vision_pb2.Image(pixels=_pixels(where, value))


def is_image(value: Any) -> bool:
    """Whether it can be nothing else. A string may be a path or a text."""
    return (
        isinstance(value, bytes | bytearray | memoryview | os.PathLike)
        or _is_pillow(value)
        or is_array(value)
    )


def is_array(value: Any) -> bool:
    return hasattr(value, "__array_interface__") and hasattr(value, "ndim")


def each_image(value: Any) -> list[Any]:
    """One image or many, as many. Of an array, three dimensions are one image if the last is 1, 3 or 4."""
    if is_array(value):
        is_one = value.ndim == 2 or (value.ndim == 3 and value.shape[-1] in (1, 3, 4))
        return [value] if is_one else list(value)
    return [value] if isinstance(value, str) or is_image(value) else list(value)


def rows(value: Rows) -> list[tabular_pb2.Row]:
    if arrow_tables.speaks(value):
        value = arrow_tables.rows(value)
    elif isinstance(value, Mapping):
        value = [value]
    return [_row(position, row) for position, row in enumerate(value)]


def is_rows(value: Any) -> bool:
    return arrow_tables.speaks(value) or isinstance(value, Mapping)


def series(
    history: Iterable[float], covariates: Mapping[str, Iterable[float]] | None
) -> forecasting_pb2.Series:
    return forecasting_pb2.Series(
        values=_numbers("history", history),
        covariates=[
            forecasting_pb2.Covariate(name=name, values=_numbers(f"covariates.{name}", values))
            for name, values in (covariates or {}).items()
        ],
    )


def _numbers(where: str, values: Iterable[float]) -> list[float]:
    numbers: list[float] = []
    for position, value in enumerate(values):
        try:
            numbers.append(float(value))
        except (TypeError, ValueError) as error:
            raise _wrong(f"{where}[{position}]", "a number", repr(value)[:80]) from error
    return numbers


def _row(position: int, row: Any) -> tabular_pb2.Row:
    if not isinstance(row, Mapping):
        raise _wrong(f"rows[{position}]", "a mapping of columns to values", type(row).__name__)
    return tabular_pb2.Row(
        values={str(c): _value(f"rows[{position}].{c}", v) for c, v in row.items()}
    )


def _value(where: str, value: Any) -> tabular_pb2.Value:
    if value is None:
        return tabular_pb2.Value()
    if isinstance(value, str):
        return tabular_pb2.Value(text=value)
    try:
        return tabular_pb2.Value(number=float(value))
    except (TypeError, ValueError) as error:
        raise _wrong(where, "a number, a text or None", type(value).__name__) from error


def _file(where: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        violation = Violation(where, f"cannot read {path}: {error.strerror or error}")
        raise InvalidRequest(
            str(violation), reason="NO_SUCH_FILE", violations=(violation,)
        ) from error


def _is_pillow(value: Any) -> bool:
    return hasattr(value, "mode") and hasattr(value, "save") and hasattr(value, "convert")


def _png(picture: Any) -> bytes:
    """Lossless, and made by Pillow itself: NumPy is not needed."""
    into = io.BytesIO()
    shown = picture if picture.mode in _PNG_MODES else picture.convert("RGB")
    shown.save(into, format="PNG")
    return into.getvalue()


def _pixels(where: str, array: Any) -> vision_pb2.PixelArray:
    # Late: whoever has an array has NumPy, and nobody else needs it.
    import numpy as np

    pixels = np.asarray(array)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise _wrong(
            where,
            "bytes, a path, a Pillow image, or a uint8 array [height, width, channels]",
            f"{pixels.dtype} {list(pixels.shape)}",
        )
    height, width, channels = pixels.shape
    return vision_pb2.PixelArray(
        height=height, width=width, channels=channels, data=pixels.tobytes()
    )


def _wrong(field: str, expected: str, received: str) -> InvalidRequest:
    violation = Violation(field, "is of the wrong kind", expected, received)
    return InvalidRequest(str(violation), reason="WRONG_INPUT", violations=(violation,))
