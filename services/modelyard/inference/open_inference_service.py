"""inference.GRPCInferenceService: the Open Inference Protocol over gRPC, as Triton's and KServe's clients speak it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version as version_of
from threading import BoundedSemaphore
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from modelyard.errors import InvalidRequest
from modelyard.inference import call as subject
from modelyard.inference.byte_budget import ByteBudget
from modelyard.inference.metrics import InferenceMetrics
from modelyard.inference.open_inference import (
    BACKEND,
    EXTENSIONS,
    PLATFORM,
    Inference,
    Input,
    OpenInference,
    batch_rows,
    dims_of,
    shape_of,
    tensor_datatype,
)
from modelyard.inference.outcome import note_end
from modelyard.inference.status import public
from modelyard.inference.totals import Totals
from modelyard.prediction import Call, Prediction, TensorSpec
from modelyard.tasks.serving import call_of
from modelyard.wire import open_inference_tensors as tensors
from modelyard.wire.open_inference import (
    METHODS,
    SERVICE,
    STREAM,
    DataType,
    ModelConfig,
    ModelInferRequest,
    ModelInferResponse,
    ModelStatistics,
    ModelStreamInferResponse,
    message,
)

_STREAMS = 32
"""Streams that may be open at once: each holds a thread."""


class OpenInferenceService:
    def __init__(
        self,
        protocol: OpenInference,
        received: ByteBudget,
        metrics: InferenceMetrics,
        server_name: str,
    ) -> None:
        self._protocol = protocol
        self._received = received
        self._metrics = metrics
        self._server_name = server_name
        self._streams = BoundedSemaphore(_STREAMS)
        # A few more, for those that are refused.
        self._stream_threads = ThreadPoolExecutor(_STREAMS + 4, "infer-stream")

    def handler(self) -> grpc.GenericRpcHandler:
        behaviors = {
            "ServerLive": self.server_live,
            "ServerReady": self.server_ready,
            "ModelReady": self.model_ready,
            "ServerMetadata": self.server_metadata,
            "ModelMetadata": self.model_metadata,
            "ModelInfer": self.model_infer,
            "ModelConfig": self.model_config,
            "ModelStatistics": self.model_statistics,
            "RepositoryIndex": self.repository_index,
            "RepositoryModelLoad": partial(self.refuse, "load"),
            "RepositoryModelUnload": partial(self.refuse, "unload"),
        }
        methods: dict[str, Any] = {name: _unary(name, behaviors[name]) for name in METHODS}
        methods[STREAM] = self._stream_handler()
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def server_live(self, request: Any, context: Any) -> Any:
        return message("ServerLiveResponse")(live=True)

    def server_ready(self, request: Any, context: Any) -> Any:
        return message("ServerReadyResponse")(ready=self._protocol.is_ready())

    def model_ready(self, request: Any, context: Any) -> Any:
        is_ready = self._protocol.is_model_ready(request.name, request.version)
        return message("ModelReadyResponse")(ready=is_ready)

    def server_metadata(self, request: Any, context: Any) -> Any:
        return message("ServerMetadataResponse")(
            name=self._server_name, version=version_of("modelyard"), extensions=EXTENSIONS
        )

    def model_metadata(self, request: Any, context: Any) -> Any:
        served, _, spec = self._protocol.describe(request.name, request.version)
        return message("ModelMetadataResponse")(
            name=served.name,
            versions=self._protocol.versions(served.name),
            platform=PLATFORM,
            inputs=[_metadata(name, tensor) for name, tensor in spec.inputs.items()],
            outputs=[_metadata(name, tensor) for name, tensor in spec.outputs.items()],
        )

    def model_config(self, request: Any, context: Any) -> Any:
        served, _, spec = self._protocol.describe(request.name, request.version)
        rows = batch_rows(spec, self._protocol.max_batch_rows)
        config = ModelConfig(
            name=served.name,
            platform=PLATFORM,
            backend=BACKEND,
            max_batch_size=rows,
            input=[_config(n, t, is_batched=rows > 0) for n, t in spec.inputs.items()],
            output=[_config(n, t, is_batched=rows > 0) for n, t in spec.outputs.items()],
        )
        if rows:
            config.dynamic_batching.SetInParent()
        return message("ModelConfigResponse")(config=config)

    def model_statistics(self, request: Any, context: Any) -> Any:
        found = self._protocol.statistics(request.name, request.version)
        return message("ModelStatisticsResponse")(
            model_stats=[
                _statistics(name, str(status.version), all_) for name, status, all_ in found
            ]
        )

    def repository_index(self, request: Any, context: Any) -> Any:
        entries = self._protocol.index(only_ready=request.ready)
        return message("RepositoryIndexResponse")(models=[vars(entry) for entry in entries])

    def refuse(self, action: str, request: Any, context: Any) -> Any:
        raise self._protocol.refuse_control(action, request.model_name)

    def model_infer(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._inferred(request, call_of(context))

    def _inferred(self, request: Any, call: Call) -> Any:
        inference = Inference(
            request.model_name,
            request.model_version,
            _inputs(request),
            [output.name for output in request.outputs],
            _parameters(request),
        )
        prediction = self._protocol.infer(inference, call)
        return _response(request, prediction)

    # The stream ------------------------------------------------------------------------------------

    def _stream_handler(self) -> Any:
        def stream(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            return self._streamed(requests, context)

        # gRPC takes the threads from this attribute.
        stream.experimental_thread_pool = self._stream_threads  # type: ignore[attr-defined]  # of a function
        return grpc.stream_stream_rpc_method_handler(
            stream,
            request_deserializer=bytes,
            response_serializer=ModelStreamInferResponse.SerializeToString,
        )

    def _streamed(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
        """One answer for each request, in order. An error is an answer too, and the stream stays open."""
        if not self._streams.acquire(blocking=False):
            context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, f"{_STREAMS} streams are open, and no more may"
            )
        try:
            for data in requests:
                yield self._stream_answer(data, call_of(context))
        finally:
            self._streams.release()

    def _stream_answer(self, data: bytes, call: Call) -> Any:
        started = time.monotonic()
        about = subject.begin()
        failure: Exception | None = None
        request = ModelInferRequest()
        try:
            with self._received.reserve(len(data)):
                request = _decoded(data)
                answer = ModelStreamInferResponse(infer_response=self._inferred(request, call))
        except Exception as error:  # as the interceptor does for other calls
            failure = error
            text = public(error).message.encode("utf-8", "replace").decode()
            answer = ModelStreamInferResponse(error_message=text)
            answer.infer_response.id = request.id
        if _parameters(request).get("triton_enable_empty_final_response"):
            final = answer.infer_response.parameters["triton_final_response"]
            final.bool_param = True
        note_end(
            self._metrics,
            f"GRPCInferenceService/{STREAM}",
            about,
            time.monotonic() - started,
            failure,
        )
        return answer


def _unary(name: str, behavior: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        behavior,
        request_deserializer=message(f"{name}Request").FromString,
        response_serializer=message(f"{name}Response").SerializeToString,
    )


def _decoded(data: bytes) -> Any:
    try:
        return ModelInferRequest.FromString(data)
    except (DecodeError, ValueError) as error:
        raise InvalidRequest(
            f"the request is no ModelInferRequest: {error}"[:300], reason="MALFORMED_REQUEST"
        ) from error


def _inputs(request: Any) -> list[Input]:
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InvalidRequest(
            f"expected {len(request.inputs)} raw input contents for model '{request.model_name}', "
            f"got {len(raw)}",
            reason="MALFORMED_TENSOR",
        )
    return [
        _input(request.model_name, each, raw, index) for index, each in enumerate(request.inputs)
    ]


def _input(model: str, given: Any, raw: Sequence[bytes], index: int) -> Input:
    if "shared_memory_region" in given.parameters:
        raise InvalidRequest("shared memory is not served", reason="UNSERVED_PARAMETER")
    shape = tuple(given.shape)
    if raw:
        if given.HasField("contents"):
            raise InvalidRequest(
                f"contents field must not be specified when using raw_input_contents for "
                f"'{given.name}' for model '{model}'",
                reason="MALFORMED_TENSOR",
            )
        decode = partial(tensors.from_raw, given.name, model, given.datatype, shape, raw[index])
    else:
        decode = partial(_typed, given, model, shape)
    return Input(given.name, given.datatype, shape, decode)


def _typed(given: Any, model: str, shape: tuple[int, ...]) -> NDArray[Any]:
    field = tensors.FIELDS.get(given.datatype)
    if field is None:
        raise InvalidRequest(
            f"inference input '{given.name}' of {given.datatype[:40]} must come in raw_input_contents",
            reason="MALFORMED_TENSOR",
        )
    values = getattr(given.contents, field)
    return tensors.from_values(given.name, model, given.datatype, shape, values)


def _parameters(request: Any) -> Mapping[str, Any]:
    found = {}
    for name, value in request.parameters.items():
        kind = value.WhichOneof("parameter_choice")
        found[name] = getattr(value, kind) if kind else None
    for output in request.outputs:
        found.update({name: True for name in output.parameters if name != "binary_data"})
    return found


def _response(request: Any, prediction: Prediction) -> Any:
    """Raw contents: clients read them by index, and see nothing without."""
    response = ModelInferResponse(
        model_name=prediction.version.name,
        model_version=str(prediction.version.version),
        id=request.id,
    )
    names = [output.name for output in request.outputs] or prediction.outputs
    for name in names:
        array = prediction.outputs[name]
        response.outputs.add(name=name, datatype=tensors.datatype(array.dtype), shape=array.shape)
        response.raw_output_contents.append(tensors.to_raw(array))
    return response


def _metadata(name: str, tensor: TensorSpec) -> dict[str, Any]:
    return {"name": name, "datatype": tensor_datatype(tensor), "shape": shape_of(tensor)}


def _config(name: str, tensor: TensorSpec, *, is_batched: bool) -> dict[str, Any]:
    kind = tensor_datatype(tensor)
    number = DataType.values_by_name[f"TYPE_{'STRING' if kind == 'BYTES' else kind}"].number
    return {"name": name, "data_type": number, "dims": dims_of(tensor, is_batched=is_batched)}


def _statistics(name: str, version: str, total: Totals) -> Any:
    return ModelStatistics(
        name=name,
        version=version,
        inference_count=total.inferences,
        execution_count=total.runs,
        inference_stats={
            "success": _duration(total.successes, total.success_seconds),
            "fail": _duration(total.failures, total.failure_seconds),
            "queue": _duration(total.queued, total.queue_seconds),
            "compute_infer": _duration(total.runs, total.run_seconds),
        },
    )


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": int(seconds * 1e9)}
