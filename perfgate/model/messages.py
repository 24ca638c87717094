"""The messages of TensorFlow and TF-Serving that perfgate reads and writes, without importing either.

Importing the published stubs imports TensorFlow: 4 to 9 s, where building these takes milliseconds. What goes over
the wire is the same: numbers and types are those of the .proto files named below (TensorFlow and TF-Serving 2.21,
Apache-2.0). Fields that are not named here are kept as unknown fields; an enum is an `int32`, which is the same on the
wire (https://protobuf.dev/programming-guides/proto3/#updating). The pool is our own, so that the published stubs may be
loaded beside it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

Proto: TypeAlias = Any
"""A message made here: its attributes exist only at run time."""

_PACKAGE = "perfgate.wire"
_ONE, _MANY, _MAP = "one", "many", "map"  # a map's key is a string

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
    # tensorflow_serving/apis/model.proto
    "ModelSpec": (
        (_ONE, "string", "name", 1),
        (_ONE, "Int64Value", "version", 2),
        (_ONE, "string", "signature_name", 3),
    ),
    # tensorflow_serving/apis/predict.proto
    "PredictRequest": (
        (_ONE, "ModelSpec", "model_spec", 1),
        (_MAP, "TensorProto", "inputs", 2),
        (_MANY, "string", "output_filter", 3),
    ),
    "PredictResponse": ((_MAP, "TensorProto", "outputs", 1), (_ONE, "ModelSpec", "model_spec", 2)),
    # tensorflow/core/protobuf/meta_graph.proto
    "TensorInfo": (
        (_ONE, "string", "name", 1),
        (_ONE, "int32", "dtype", 2),
        (_ONE, "TensorShapeProto", "tensor_shape", 3),
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
    "NodeDef": ((_ONE, "string", "name", 1), (_ONE, "string", "op", 2)),
    "FunctionDef": ((_MANY, "NodeDef", "node_def", 3),),
    "FunctionDefLibrary": ((_MANY, "FunctionDef", "function", 1),),
    "GraphDef": ((_MANY, "NodeDef", "node", 1), (_ONE, "FunctionDefLibrary", "library", 2)),
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


def _field(kind: str, name: str, number: int, *, repeated: bool = False) -> FieldDescriptorProto:
    label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    field = FieldDescriptorProto(name=name, number=number, label=label)
    if kind.islower():
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    return field


def _map_entry(kind: str, name: str) -> DescriptorProto:
    """Describe `map<string, kind> name`'s entries; the compiler demands just this name."""
    entry = DescriptorProto(name="".join(word.capitalize() for word in name.split("_")) + "Entry")
    entry.field.extend([_field("string", "key", 1), _field(kind, "value", 2)])
    entry.options.map_entry = True
    return entry


def _message(name: str) -> DescriptorProto:
    message = DescriptorProto(name=name)
    for how, kind, field_name, number in _SCHEMA[name]:
        if how == _MAP:
            entry = _map_entry(kind, field_name)
            message.nested_type.append(entry)
            message.field.append(_field(f"{name}.{entry.name}", field_name, number, repeated=True))
        else:
            message.field.append(_field(kind, field_name, number, repeated=how == _MANY))
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
PredictRequest: Proto = _class("PredictRequest")
PredictResponse: Proto = _class("PredictResponse")
TensorInfo: Proto = _class("TensorInfo")
SignatureDef: Proto = _class("SignatureDef")
MetaGraphDef: Proto = _class("MetaGraphDef")
SavedModel: Proto = _class("SavedModel")
SignatureDefMap: Proto = _class("SignatureDefMap")
GetModelMetadataRequest: Proto = _class("GetModelMetadataRequest")
GetModelMetadataResponse: Proto = _class("GetModelMetadataResponse")
GetModelStatusRequest: Proto = _class("GetModelStatusRequest")
GetModelStatusResponse: Proto = _class("GetModelStatusResponse")
