"""How text classifiers are asked: modelyard.v1.TextService."""

import grpc
import numpy as np

from modelyard.prediction import Predictor
from modelyard.tasks import serving
from modelyard.tasks.serving import Question
from modelyard.v1 import text_pb2, text_pb2_grpc

TASKS = ("text_classification",)


class TextServicer(text_pb2_grpc.TextServiceServicer):
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def ClassifyTexts(
        self, request: text_pb2.ClassifyTextsRequest, context: grpc.ServicerContext
    ) -> text_pb2.ClassifyTextsResponse:
        serving.check_some("texts", request.texts)
        serving.check_top_k(request.top_k)
        texts = np.array([text.encode() for text in request.texts], dtype=object)
        question = Question({"text": texts})
        manifest, prediction = serving.ask(
            self._predictor, request.model, TASKS, lambda _: question, context
        )
        return text_pb2.ClassifyTextsResponse(
            model=serving.answered_by(prediction),
            results=serving.classifications(manifest, prediction.outputs, request.top_k),
            latency=serving.latency(prediction),
        )
