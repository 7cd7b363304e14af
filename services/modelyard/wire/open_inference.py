"""The messages of the Open Inference Protocol v2, in a descriptor pool of their own.

Clients of the protocol (`tritonclient`) register the same names in the default pool, and pin older versions of
protobuf; a process may hold both. The schema is written down here, in as much of the .proto language as it needs:
what is left out of Triton's own (shared memory, traces, logs, ensembles) is unknown to us and is skipped on the wire.
"""

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

_SCHEMA = """
ServerLiveRequest:
ServerLiveResponse: 1 bool live
ServerReadyRequest:
ServerReadyResponse: 1 bool ready
ModelReadyRequest: 1 string name, 2 string version
ModelReadyResponse: 1 bool ready
ServerMetadataRequest:
ServerMetadataResponse: 1 string name, 2 string version, 3 repeated string extensions
ModelMetadataRequest: 1 string name, 2 string version
ModelMetadataResponse: 1 string name, 2 repeated string versions, 3 string platform, 4 repeated ModelMetadataResponse.TensorMetadata inputs, 5 repeated ModelMetadataResponse.TensorMetadata outputs
ModelMetadataResponse.TensorMetadata: 1 string name, 2 string datatype, 3 repeated int64 shape
InferParameter: 1 oneof bool bool_param, 2 oneof int64 int64_param, 3 oneof string string_param, 4 oneof double double_param, 5 oneof uint64 uint64_param
InferTensorContents: 1 repeated bool bool_contents, 2 repeated int32 int_contents, 3 repeated int64 int64_contents, 4 repeated uint32 uint_contents, 5 repeated uint64 uint64_contents, 6 repeated float fp32_contents, 7 repeated double fp64_contents, 8 repeated bytes bytes_contents
ModelInferRequest: 1 string model_name, 2 string model_version, 3 string id, 4 map InferParameter parameters, 5 repeated ModelInferRequest.InferInputTensor inputs, 6 repeated ModelInferRequest.InferRequestedOutputTensor outputs, 7 repeated bytes raw_input_contents
ModelInferRequest.InferInputTensor: 1 string name, 2 string datatype, 3 repeated int64 shape, 4 map InferParameter parameters, 5 InferTensorContents contents
ModelInferRequest.InferRequestedOutputTensor: 1 string name, 2 map InferParameter parameters
ModelInferResponse: 1 string model_name, 2 string model_version, 3 string id, 4 map InferParameter parameters, 5 repeated ModelInferResponse.InferOutputTensor outputs, 6 repeated bytes raw_output_contents
ModelInferResponse.InferOutputTensor: 1 string name, 2 string datatype, 3 repeated int64 shape, 4 map InferParameter parameters, 5 InferTensorContents contents
ModelStreamInferResponse: 1 string error_message, 2 ModelInferResponse infer_response
ModelConfigRequest: 1 string name, 2 string version
ModelConfigResponse: 1 ModelConfig config
ModelConfig: 1 string name, 2 string platform, 17 string backend, 4 int32 max_batch_size, 5 repeated ModelInput input, 6 repeated ModelOutput output, 11 ModelDynamicBatching dynamic_batching, 19 ModelTransactionPolicy model_transaction_policy
ModelInput: 1 string name, 2 enum DataType data_type, 4 repeated int64 dims
ModelOutput: 1 string name, 2 enum DataType data_type, 3 repeated int64 dims
ModelDynamicBatching: 1 repeated int32 preferred_batch_size, 2 uint64 max_queue_delay_microseconds
ModelTransactionPolicy: 1 bool decoupled
ModelStatisticsRequest: 1 string name, 2 string version
ModelStatisticsResponse: 1 repeated ModelStatistics model_stats
StatisticDuration: 1 uint64 count, 2 uint64 ns
InferStatistics: 1 StatisticDuration success, 2 StatisticDuration fail, 3 StatisticDuration queue, 4 StatisticDuration compute_input, 5 StatisticDuration compute_infer, 6 StatisticDuration compute_output, 7 StatisticDuration cache_hit, 8 StatisticDuration cache_miss
ModelStatistics: 1 string name, 2 string version, 3 uint64 last_inference, 4 uint64 inference_count, 5 uint64 execution_count, 6 InferStatistics inference_stats
ModelRepositoryParameter: 1 oneof bool bool_param, 2 oneof int64 int64_param, 3 oneof string string_param, 4 oneof bytes bytes_param
RepositoryIndexRequest: 1 string repository_name, 2 bool ready
RepositoryIndexResponse: 1 repeated RepositoryIndexResponse.ModelIndex models
RepositoryIndexResponse.ModelIndex: 1 string name, 2 string version, 3 string state, 4 string reason
RepositoryModelLoadRequest: 1 string repository_name, 2 string model_name, 3 map ModelRepositoryParameter parameters
RepositoryModelLoadResponse:
RepositoryModelUnloadRequest: 1 string repository_name, 2 string model_name, 3 map ModelRepositoryParameter parameters
RepositoryModelUnloadResponse:
"""

_DATA_TYPES = (
    *("TYPE_INVALID", "TYPE_BOOL", "TYPE_UINT8", "TYPE_UINT16", "TYPE_UINT32", "TYPE_UINT64"),
    *("TYPE_INT8", "TYPE_INT16", "TYPE_INT32", "TYPE_INT64", "TYPE_FP16", "TYPE_FP32"),
    *("TYPE_FP64", "TYPE_STRING", "TYPE_BF16"),
)
"""By their numbers, from 0."""

METHODS = (
    *("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer"),
    *("ModelConfig", "ModelStatistics", "RepositoryIndex", "RepositoryModelLoad"),
    "RepositoryModelUnload",
)
"""With one request and one answer, of the method's name and `Request` or `Response`."""
STREAM = "ModelStreamInfer"

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = frozenset(_Field.Type.keys())
_FIELD = re.compile(
    r"(?P<number>\d+) (?:(?P<kind>repeated|oneof|map|enum) )?(?P<type>[\w.]+) (?P<name>\w+)"
)


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="inference/grpc_service.proto", package=PACKAGE, syntax="proto3"
    )
    messages: dict[str, descriptor_pb2.DescriptorProto] = {}
    for line in _SCHEMA.strip().splitlines():
        path, _, fields = line.partition(":")
        outer, _, name = path.rpartition(".")
        message = messages[outer].nested_type.add() if outer else file.message_type.add()
        message.name = name
        messages[path] = message
        for field in filter(None, fields.split(",")):
            _add_field(path, message, field.strip())
    data_type = file.enum_type.add(name="DataType")
    for number, value in enumerate(_DATA_TYPES):
        data_type.value.add(name=value, number=number)
    _add_service(file)
    return file


def _add_field(path: str, message: descriptor_pb2.DescriptorProto, text: str) -> None:
    match = _FIELD.fullmatch(text)
    if match is None:
        raise ValueError(f"{path} has a field that cannot be read: {text}")
    field = message.field.add(
        name=match["name"], number=int(match["number"]), label=_Field.LABEL_OPTIONAL
    )
    _set_type(field, match["type"], is_enum=match["kind"] == "enum")
    match match["kind"]:
        case "repeated":
            field.label = _Field.LABEL_REPEATED
        case "oneof":
            if not message.oneof_decl:
                message.oneof_decl.add(name="parameter_choice")
            field.oneof_index = 0
        case "map":
            _make_map(path, message, field)


def _set_type(field: Any, name: str, *, is_enum: bool = False) -> None:
    scalar = f"TYPE_{name.upper()}"
    if scalar in _SCALARS and not is_enum:
        field.type = _Field.Type.Value(scalar)
        return
    field.type = _Field.TYPE_ENUM if is_enum else _Field.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{name}"


def _make_map(path: str, message: descriptor_pb2.DescriptorProto, field: Any) -> None:
    """A map of names: on the wire, a list of entries."""
    entry = message.nested_type.add(name="ParametersEntry")
    entry.options.map_entry = True
    key = entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL)
    key.type = _Field.TYPE_STRING
    value = entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL)
    value.type, value.type_name = field.type, field.type_name
    field.label = _Field.LABEL_REPEATED
    field.type_name = f".{PACKAGE}.{path}.{entry.name}"


def _add_service(file: descriptor_pb2.FileDescriptorProto) -> None:
    service = file.service.add(name=SERVICE.rpartition(".")[2])
    for name in METHODS:
        service.method.add(
            name=name,
            input_type=f".{PACKAGE}.{name}Request",
            output_type=f".{PACKAGE}.{name}Response",
        )
    service.method.add(
        name=STREAM,
        input_type=f".{PACKAGE}.ModelInferRequest",
        output_type=f".{PACKAGE}.{STREAM}Response",
        client_streaming=True,
        server_streaming=True,
    )


def _pool(files: Iterable[descriptor_pb2.FileDescriptorProto]) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return pool


POOL = _pool([_file()])


def message(name: str) -> Any:
    """The class of a message, such as `ModelInferRequest`. Any, because its fields are known only at run time."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


ModelInferRequest = message("ModelInferRequest")
ModelInferResponse = message("ModelInferResponse")
ModelStreamInferResponse = message("ModelStreamInferResponse")
ModelConfig = message("ModelConfig")
ModelStatistics = message("ModelStatistics")

DataType = POOL.FindEnumTypeByName(f"{PACKAGE}.DataType")
"""The descriptor of the enum: `DataType.values_by_name["TYPE_FP32"].number`."""
