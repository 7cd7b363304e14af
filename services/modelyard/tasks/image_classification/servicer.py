"""How image classifiers are asked: modelyard.v1.VisionService."""

from collections.abc import Sequence

import grpc
import numpy as np

from modelyard.errors import InvalidRequest
from modelyard.model_store import Manifest
from modelyard.prediction import Predictor
from modelyard.tasks import serving
from modelyard.tasks.image_classification import headers
from modelyard.tasks.serving import Question
from modelyard.v1 import vision_pb2, vision_pb2_grpc

TASKS = ("image_classification",)


class VisionServicer(vision_pb2_grpc.VisionServiceServicer):
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def ClassifyImages(
        self, request: vision_pb2.ClassifyImagesRequest, context: grpc.ServicerContext
    ) -> vision_pb2.ClassifyImagesResponse:
        serving.check_some("images", request.images)
        serving.check_top_k(request.top_k)
        question = _question(request.images)
        manifest, prediction = serving.ask(
            self._predictor,
            request.model,
            TASKS,
            lambda manifest: _for_model(manifest, question),
            context,
        )
        return vision_pb2.ClassifyImagesResponse(
            model=serving.answered_by(prediction),
            results=serving.classifications(manifest, prediction.outputs, request.top_k),
            latency=serving.latency(prediction),
        )


def _question(images: Sequence[vision_pb2.Image]) -> Question:
    kinds = [image.WhichOneof("content") for image in images]
    for index, kind in enumerate(kinds):
        if kind is None:
            raise InvalidRequest.of(
                f"images[{index}]", "has no content", expected="encoded or pixels"
            )
        if kind != kinds[0]:
            raise InvalidRequest.of(
                f"images[{index}]",
                "is not of the same kind as images[0]",
                expected=str(kinds[0]),
                received=kind,
            )
    return _pixels(images) if kinds[0] == "pixels" else _encoded(images)


def _encoded(images: Sequence[vision_pb2.Image]) -> Question:
    array = np.empty(len(images), dtype=object)
    for index, image in enumerate(images):
        headers.check(f"images[{index}].encoded", image.encoded)
        array[index] = image.encoded
    return Question({"image": array})


def _pixels(images: Sequence[vision_pb2.Image]) -> Question:
    shape = _shape(0, images[0].pixels)
    for index, image in enumerate(images):
        if _shape(index, image.pixels) != shape:
            raise InvalidRequest.of(
                f"images[{index}].pixels",
                "has not the shape of images[0]; send it in a call of its own",
                expected=str(list(shape)),
                received=str(list(_shape(index, image.pixels))),
            )
    data = b"".join(image.pixels.data for image in images)
    array = np.frombuffer(data, np.uint8).reshape(len(images), *shape)
    return Question({"image": array}, "arrays")


def _shape(index: int, pixels: vision_pb2.PixelArray) -> tuple[int, int, int]:
    shape = (pixels.height, pixels.width, pixels.channels)
    field = f"images[{index}].pixels"
    if min(shape) < 1:
        raise InvalidRequest.of(
            field,
            "has no size",
            expected="height, width and channels of at least 1",
            received=str(list(shape)),
        )
    size = pixels.height * pixels.width * pixels.channels
    if len(pixels.data) != size:
        raise InvalidRequest.of(
            f"{field}.data",
            f"does not fill height x width x channels = {list(shape)}",
            expected=f"{size} bytes",
            received=f"{len(pixels.data)} bytes",
        )
    return shape


def _for_model(manifest: Manifest, question: Question) -> Question:
    """Raises InvalidRequest if pixels have other channels than the model was trained on."""
    channels = manifest.serving.get("channels")
    image = question.inputs["image"]
    if question.signature == "arrays" and channels is not None and image.shape[3] != channels:
        raise InvalidRequest.of(
            "images[0].pixels.channels",
            f"is not what {manifest.model} was trained on",
            expected=str(channels),
            received=str(image.shape[3]),
        )
    return question
