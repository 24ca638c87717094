"""The messages of TensorFlow and TF-Serving that perfgate reads and writes, without importing either.

Importing the published stubs imports TensorFlow, which takes 4 to 9 s; building these takes milliseconds. The bytes on
the wire are the same: numbers and types are those of the .proto files named below (TensorFlow and TF-Serving 2.21,
Apache-2.0). Fields that are not named here are kept as unknown fields; an enum is an `int32`, which is the same on the
wire (https://protobuf.dev/programming-guides/proto3/#updating). The pool is separate, so that the published stubs can
be loaded too.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

from perfgate.protocols.descriptors import field

Proto: TypeAlias = Any
"""A message built here: its attributes exist only at run time."""

_PACKAGE = "perfgate.wire"
_ONE, _MANY, _MAP = "one", "many", "map"  # a map's key is a string
_EITHER = "either"  # a member of the message's oneof, named `choice` here; no message has two

_SCHEMA: dict[str, tuple[tuple[str, str, str, int], ...]] = {
    # tensorflow/core/framework/tensor_shape.proto
    "Dim": ((_ONE, "int64", "size", 1), (_ONE, "string", "name", 2)),
    "TensorShapeProto": ((_MANY, "Dim", "dim", 2), (_ONE, "bool", "unknown_rank", 3)),
    # tensorflow/core/framework/tensor.proto
    "TensorProto": (
        (_ONE, "int32", "dtype", 1),
        (_ONE, "TensorShapeProto", "tensor_shape", 2),
        (_ONE, "bytes", "tensor_content", 4),
        (_MANY, "float", "float_val", 5),
        (_MANY, "double", "double_val", 6),
        (_MANY, "int32", "int_val", 7),
        (_MANY, "bytes", "string_val", 8),
        (_MANY, "float", "scomplex_val", 9),
        (_MANY, "int64", "int64_val", 10),
        (_MANY, "bool", "bool_val", 11),
        (_MANY, "double", "dcomplex_val", 12),
        (_MANY, "int32", "half_val", 13),
        (_MANY, "uint32", "uint32_val", 16),
        (_MANY, "uint64", "uint64_val", 17),
    ),
    # google/protobuf/wrappers.proto
    "Int64Value": ((_ONE, "int64", "value", 1),),
    # tensorflow/core/example/ feature.proto and example.proto
    "BytesList": ((_MANY, "bytes", "value", 1),),
    "FloatList": ((_MANY, "float", "value", 1),),
    "Int64List": ((_MANY, "int64", "value", 1),),
    "Feature": (
        (_EITHER, "BytesList", "bytes_list", 1),
        (_EITHER, "FloatList", "float_list", 2),
        (_EITHER, "Int64List", "int64_list", 3),
    ),
    "Features": ((_MAP, "Feature", "feature", 1),),
    "Example": ((_ONE, "Features", "features", 1),),
    # tensorflow_serving/apis/model.proto
    "ModelSpec": (
        (_ONE, "string", "name", 1),
        (_EITHER, "Int64Value", "version", 2),
        (_ONE, "string", "signature_name", 3),
        (_EITHER, "string", "version_label", 4),
    ),
    # tensorflow_serving/apis/input.proto
    "ExampleList": ((_MANY, "Example", "examples", 1),),
    "ExampleListWithContext": ((_MANY, "Example", "examples", 1), (_ONE, "Example", "context", 2)),
    "Input": (
        (_EITHER, "ExampleList", "example_list", 1),
        (_EITHER, "ExampleListWithContext", "example_list_with_context", 2),
    ),
    # tensorflow_serving/apis/classification.proto
    "ClassificationRequest": ((_ONE, "ModelSpec", "model_spec", 1), (_ONE, "Input", "input", 2)),
    "Class": ((_ONE, "string", "label", 1), (_ONE, "float", "score", 2)),
    "Classifications": ((_MANY, "Class", "classes", 1),),
    "ClassificationResult": ((_MANY, "Classifications", "classifications", 1),),
    "ClassificationResponse": ((_ONE, "ClassificationResult", "result", 1), (_ONE, "ModelSpec", "model_spec", 2)),
    # tensorflow_serving/apis/regression.proto
    "RegressionRequest": ((_ONE, "ModelSpec", "model_spec", 1), (_ONE, "Input", "input", 2)),
    "Regression": ((_ONE, "float", "value", 1),),
    "RegressionResult": ((_MANY, "Regression", "regressions", 1),),
    "RegressionResponse": ((_ONE, "RegressionResult", "result", 1), (_ONE, "ModelSpec", "model_spec", 2)),
    # tensorflow_serving/apis/inference.proto
    "InferenceTask": ((_ONE, "ModelSpec", "model_spec", 1), (_ONE, "string", "method_name", 2)),
    "MultiInferenceRequest": ((_MANY, "InferenceTask", "tasks", 1), (_ONE, "Input", "input", 2)),
    "InferenceResult": (
        (_ONE, "ModelSpec", "model_spec", 1),
        (_EITHER, "ClassificationResult", "classification_result", 2),
        (_EITHER, "RegressionResult", "regression_result", 3),
    ),
    "MultiInferenceResponse": ((_MANY, "InferenceResult", "results", 1),),
    # tensorflow_serving/apis/predict.proto
    "PredictRequest": (
        (_ONE, "ModelSpec", "model_spec", 1),
        (_MAP, "TensorProto", "inputs", 2),
        (_MANY, "string", "output_filter", 3),
    ),
    "PredictResponse": ((_MAP, "TensorProto", "outputs", 1), (_ONE, "ModelSpec", "model_spec", 2)),
    # tensorflow_serving/apis/prediction_log.proto; the recorded responses are kept as unknown fields
    "ClassifyLog": ((_ONE, "ClassificationRequest", "request", 1), (_ONE, "ClassificationResponse", "response", 2)),
    "RegressLog": ((_ONE, "RegressionRequest", "request", 1), (_ONE, "RegressionResponse", "response", 2)),
    "PredictLog": ((_ONE, "PredictRequest", "request", 1), (_ONE, "PredictResponse", "response", 2)),
    "PredictStreamedLog": ((_MANY, "PredictRequest", "request", 1), (_MANY, "PredictResponse", "response", 2)),
    "MultiInferenceLog": (
        (_ONE, "MultiInferenceRequest", "request", 1),
        (_ONE, "MultiInferenceResponse", "response", 2),
    ),
    "SessionRunLog": (),  # none of its fields is read
    "PredictionLog": (
        (_EITHER, "ClassifyLog", "classify_log", 2),
        (_EITHER, "RegressLog", "regress_log", 3),
        (_EITHER, "MultiInferenceLog", "multi_inference_log", 4),
        (_EITHER, "SessionRunLog", "session_run_log", 5),
        (_EITHER, "PredictLog", "predict_log", 6),
        (_EITHER, "PredictStreamedLog", "predict_streamed_log", 7),
    ),
    # tensorflow/core/protobuf/meta_graph.proto
    "CooSparse": (
        (_ONE, "string", "values_tensor_name", 1),
        (_ONE, "string", "indices_tensor_name", 2),
        (_ONE, "string", "dense_shape_tensor_name", 3),
    ),
    "CompositeTensor": ((_MANY, "TensorInfo", "components", 2),),
    "TensorInfo": (
        (_EITHER, "string", "name", 1),
        (_ONE, "int32", "dtype", 2),
        (_ONE, "TensorShapeProto", "tensor_shape", 3),
        (_EITHER, "CooSparse", "coo_sparse", 4),
        (_EITHER, "CompositeTensor", "composite_tensor", 5),
    ),
    "SignatureDef": (
        (_MAP, "TensorInfo", "inputs", 1),
        (_MAP, "TensorInfo", "outputs", 2),
        (_ONE, "string", "method_name", 3),
    ),
    "MetaInfoDef": ((_MANY, "string", "tags", 4), (_ONE, "string", "tensorflow_version", 5)),
    "MetaGraphDef": (
        (_ONE, "MetaInfoDef", "meta_info_def", 1),
        (_ONE, "GraphDef", "graph_def", 2),
        (_ONE, "SaverDef", "saver_def", 3),
        (_MAP, "SignatureDef", "signature_def", 5),
    ),
    # tensorflow/core/protobuf/saver.proto
    "SaverDef": ((_ONE, "string", "restore_op_name", 3),),
    # tensorflow/core/framework/ node_def.proto, function.proto and graph.proto
    "ListValue": (
        (_MANY, "bytes", "s", 2),
        (_MANY, "int64", "i", 3),
        (_MANY, "float", "f", 4),
        (_MANY, "bool", "b", 5),
        (_MANY, "int32", "type", 6),
        (_MANY, "TensorShapeProto", "shape", 7),
        (_MANY, "TensorProto", "tensor", 8),
        (_MANY, "NameAttrList", "func", 9),
    ),
    "AttrValue": (
        (_EITHER, "ListValue", "list", 1),
        (_EITHER, "bytes", "s", 2),
        (_EITHER, "int64", "i", 3),
        (_EITHER, "float", "f", 4),
        (_EITHER, "bool", "b", 5),
        (_EITHER, "int32", "type", 6),
        (_EITHER, "TensorShapeProto", "shape", 7),
        (_EITHER, "TensorProto", "tensor", 8),
        (_EITHER, "string", "placeholder", 9),
        (_EITHER, "NameAttrList", "func", 10),
    ),
    "NameAttrList": ((_ONE, "string", "name", 1),),
    "NodeDef": (
        (_ONE, "string", "name", 1),
        (_ONE, "string", "op", 2),
        (_MANY, "string", "input", 3),
        (_MAP, "AttrValue", "attr", 5),
    ),
    "ArgDef": ((_ONE, "string", "name", 1),),
    "OpDef": ((_ONE, "string", "name", 1), (_MANY, "ArgDef", "input_arg", 2), (_MANY, "ArgDef", "output_arg", 3)),
    "FunctionDef": (
        (_ONE, "OpDef", "signature", 1),
        (_MANY, "NodeDef", "node_def", 3),
        (_MAP, "string", "ret", 4),
        (_MAP, "AttrValue", "attr", 5),
        (_MAP, "string", "control_ret", 6),
    ),
    "FunctionDefLibrary": ((_MANY, "FunctionDef", "function", 1),),
    "GraphDef": ((_MANY, "NodeDef", "node", 1), (_ONE, "FunctionDefLibrary", "library", 2)),
    # tensorflow/core/framework/ step_stats.proto, tensor_description.proto and allocation_description.proto
    "AllocationRecord": ((_ONE, "int64", "alloc_micros", 1), (_ONE, "int64", "alloc_bytes", 2)),
    "AllocatorMemoryUsed": (
        (_ONE, "string", "allocator_name", 1),
        (_MANY, "AllocationRecord", "allocation_records", 6),
    ),
    "AllocationDescription": ((_ONE, "int64", "requested_bytes", 1), (_ONE, "int64", "allocation_id", 4)),
    "TensorDescription": (
        (_ONE, "int32", "dtype", 1),
        (_ONE, "TensorShapeProto", "shape", 2),
        (_ONE, "AllocationDescription", "allocation_description", 4),
    ),
    "NodeOutput": ((_ONE, "int32", "slot", 1), (_ONE, "TensorDescription", "tensor_description", 3)),
    "NodeExecStats": (
        (_ONE, "string", "node_name", 1),
        (_MANY, "AllocatorMemoryUsed", "memory", 6),
        (_MANY, "NodeOutput", "output", 7),
        (_ONE, "string", "timeline_label", 8),
        (_ONE, "uint32", "thread_id", 10),
        (_ONE, "int64", "all_start_nanos", 13),
        (_ONE, "int64", "op_start_rel_nanos", 14),
        (_ONE, "int64", "op_end_rel_nanos", 15),
        (_ONE, "int64", "all_end_rel_nanos", 16),
    ),
    "DeviceStepStats": ((_ONE, "string", "device", 1), (_MANY, "NodeExecStats", "node_stats", 2)),
    "StepStats": ((_MANY, "DeviceStepStats", "dev_stats", 1),),
    # tensorflow/core/protobuf/config.proto
    "RunMetadata": ((_ONE, "StepStats", "step_stats", 1), (_MANY, "GraphDef", "partition_graphs", 3)),
    # tensorflow/core/protobuf/tensor_bundle.proto
    "BundleEntryProto": (
        (_ONE, "int32", "dtype", 1),
        (_ONE, "TensorShapeProto", "shape", 2),
        (_ONE, "int64", "size", 5),
        (_ONE, "fixed32", "crc32c", 6),
    ),
    # tensorflow/core/protobuf/saved_model.proto
    "SavedModel": ((_ONE, "int64", "saved_model_schema_version", 1), (_MANY, "MetaGraphDef", "meta_graphs", 2)),
    # tensorflow_serving/apis/get_model_metadata.proto and google/protobuf/any.proto
    "Any": ((_ONE, "string", "type_url", 1), (_ONE, "bytes", "value", 2)),
    "SignatureDefMap": ((_MAP, "SignatureDef", "signature_def", 1),),
    "GetModelMetadataRequest": ((_ONE, "ModelSpec", "model_spec", 1), (_MANY, "string", "metadata_field", 2)),
    "GetModelMetadataResponse": ((_ONE, "ModelSpec", "model_spec", 1), (_MAP, "Any", "metadata", 2)),
    # tensorflow_serving/apis/ status.proto and get_model_status.proto
    "StatusProto": ((_ONE, "int32", "error_code", 1), (_ONE, "string", "error_message", 2)),
    "ModelVersionStatus": (
        (_ONE, "int64", "version", 1),
        (_ONE, "int32", "state", 2),
        (_ONE, "StatusProto", "status", 3),
    ),
    "GetModelStatusRequest": ((_ONE, "ModelSpec", "model_spec", 1),),
    "GetModelStatusResponse": ((_MANY, "ModelVersionStatus", "model_version_status", 1),),
}


def _map_entry(kind: str, name: str) -> DescriptorProto:
    """Describe the entries of `map<string, kind> name`; the compiler requires exactly this name."""
    entry = DescriptorProto(name="".join(word.capitalize() for word in name.split("_")) + "Entry")
    entry.field.extend([field(_PACKAGE, "string", "key", 1), field(_PACKAGE, kind, "value", 2)])
    entry.options.map_entry = True
    return entry


def _message(name: str) -> DescriptorProto:
    message = DescriptorProto(name=name)
    for how, kind, field_name, number in _SCHEMA[name]:
        if how == _MAP:
            entry = _map_entry(kind, field_name)
            message.nested_type.append(entry)
            message.field.append(field(_PACKAGE, f"{name}.{entry.name}", field_name, number, repeated=True))
            continue
        made = field(_PACKAGE, kind, field_name, number, repeated=how == _MANY)
        if how == _EITHER:
            made.oneof_index = 0
        message.field.append(made)
    if any(how == _EITHER for how, *_ in _SCHEMA[name]):
        message.oneof_decl.add(name="choice")
    return message


_pool = descriptor_pool.DescriptorPool()
_pool.Add(
    FileDescriptorProto(
        name="perfgate/wire.proto", package=_PACKAGE, syntax="proto3", message_type=[_message(name) for name in _SCHEMA]
    )
)


def _class(name: str) -> Proto:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


TensorShapeProto: Proto = _class("TensorShapeProto")
TensorProto: Proto = _class("TensorProto")
ModelSpec: Proto = _class("ModelSpec")
Example: Proto = _class("Example")
Feature: Proto = _class("Feature")
Input: Proto = _class("Input")
ClassificationRequest: Proto = _class("ClassificationRequest")
ClassificationResponse: Proto = _class("ClassificationResponse")
RegressionRequest: Proto = _class("RegressionRequest")
RegressionResponse: Proto = _class("RegressionResponse")
MultiInferenceRequest: Proto = _class("MultiInferenceRequest")
MultiInferenceResponse: Proto = _class("MultiInferenceResponse")
PredictionLog: Proto = _class("PredictionLog")
PredictRequest: Proto = _class("PredictRequest")
PredictResponse: Proto = _class("PredictResponse")
TensorInfo: Proto = _class("TensorInfo")
SignatureDef: Proto = _class("SignatureDef")
MetaGraphDef: Proto = _class("MetaGraphDef")
SavedModel: Proto = _class("SavedModel")
BundleEntryProto: Proto = _class("BundleEntryProto")
GraphDef: Proto = _class("GraphDef")
RunMetadata: Proto = _class("RunMetadata")
SignatureDefMap: Proto = _class("SignatureDefMap")
GetModelMetadataRequest: Proto = _class("GetModelMetadataRequest")
GetModelMetadataResponse: Proto = _class("GetModelMetadataResponse")
GetModelStatusRequest: Proto = _class("GetModelStatusRequest")
GetModelStatusResponse: Proto = _class("GetModelStatusResponse")
