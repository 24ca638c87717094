"""Run in a separate process: how TensorFlow and the published stubs read our bytes, as JSON on stdout.

Reads `{"request": hex, "logs": [hex], "tensors": {dtype: hex}}` from stdin.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import any_pb2
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow.core.framework import (
    allocation_description_pb2,
    attr_value_pb2,
    function_pb2,
    graph_pb2,
    node_def_pb2,
    op_def_pb2,
    step_stats_pb2,
    tensor_description_pb2,
    tensor_pb2,
    tensor_shape_pb2,
)
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2, saver_pb2, tensor_bundle_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
    status_pb2,
)

FILES = (
    example_pb2,
    feature_pb2,
    classification_pb2,
    inference_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)
DESCRIPTORS = dict(pair for file in FILES for pair in file.DESCRIPTOR.message_types_by_name.items()) | {
    message.DESCRIPTOR.name: message.DESCRIPTOR
    for message in (
        tensor_shape_pb2.TensorShapeProto,
        tensor_shape_pb2.TensorShapeProto.Dim,
        tensor_pb2.TensorProto,
        meta_graph_pb2.TensorInfo,
        meta_graph_pb2.TensorInfo.CooSparse,
        meta_graph_pb2.TensorInfo.CompositeTensor,
        meta_graph_pb2.SignatureDef,
        meta_graph_pb2.MetaGraphDef,
        meta_graph_pb2.MetaGraphDef.MetaInfoDef,
        saver_pb2.SaverDef,
        attr_value_pb2.AttrValue,
        attr_value_pb2.AttrValue.ListValue,
        attr_value_pb2.NameAttrList,
        node_def_pb2.NodeDef,
        op_def_pb2.OpDef,
        op_def_pb2.OpDef.ArgDef,
        step_stats_pb2.AllocationRecord,
        step_stats_pb2.AllocatorMemoryUsed,
        step_stats_pb2.NodeOutput,
        step_stats_pb2.NodeExecStats,
        step_stats_pb2.DeviceStepStats,
        step_stats_pb2.StepStats,
        allocation_description_pb2.AllocationDescription,
        tensor_description_pb2.TensorDescription,
        config_pb2.RunMetadata,
        function_pb2.FunctionDef,
        function_pb2.FunctionDefLibrary,
        graph_pb2.GraphDef,
        tensor_bundle_pb2.BundleEntryProto,
        saved_model_pb2.SavedModel,
        any_pb2.Any,
        get_model_metadata_pb2.SignatureDefMap,
        get_model_metadata_pb2.GetModelMetadataRequest,
        get_model_metadata_pb2.GetModelMetadataResponse,
        status_pb2.StatusProto,
        get_model_status_pb2.ModelVersionStatus,
        get_model_status_pb2.GetModelStatusRequest,
        get_model_status_pb2.GetModelStatusResponse,
    )
}


def fields(descriptor: Any) -> dict[str, list[Any]]:
    """Describe each field by number, type (an enum as the int32 that it is on the wire), message and repetition."""
    return {
        field.name: [
            field.number,
            field.TYPE_INT32 if field.type == field.TYPE_ENUM else field.type,
            field.message_type.name if field.message_type else None,
            fields(field.message_type)["value"][2]
            if field.message_type and field.message_type.GetOptions().map_entry
            else None,
            field.is_repeated,
            field.containing_oneof is not None,
        ]
        for field in descriptor.fields
    }


def values_one_by_one(array: np.ndarray[Any, Any], dtype: str) -> str:
    """Write an array in TensorFlow's other form: a field of values, TF-Serving's `AsProtoField`."""
    proto = tf.make_tensor_proto(array, tf.dtypes.as_dtype(dtype))
    if proto.tensor_content:
        one_by_one = [tf.make_tensor_proto(value, tf.dtypes.as_dtype(dtype)) for value in array.ravel()]
        proto.tensor_content = b""
        for one in one_by_one:
            proto.MergeFrom(tensor_pb2.TensorProto.FromString(_values_only(one)))
    message: bytes = proto.SerializeToString()
    return message.hex()


def _values_only(proto: Any) -> bytes:
    proto.ClearField("tensor_shape")
    message: bytes = proto.SerializeToString()
    return message


def shown(array: np.ndarray[Any, Any]) -> list[str]:
    """Write values exactly, whatever their type."""
    return [repr(value.tolist() if hasattr(value, "tolist") else value) for value in array.ravel()]


def main() -> None:
    """Answer the question on stdin."""
    question = json.load(sys.stdin)
    request = predict_pb2.PredictRequest.FromString(bytes.fromhex(question["request"]))
    logs = [prediction_log_pb2.PredictionLog.FromString(bytes.fromhex(raw)) for raw in question["logs"]]
    tensors = {
        name: tf.make_ndarray(tensor_pb2.TensorProto.FromString(bytes.fromhex(raw)))
        for name, raw in question["tensors"].items()
    }
    answer = {
        "fields": {name: fields(descriptor) for name, descriptor in DESCRIPTORS.items()},
        "dtypes": {name: int(tf.dtypes.as_dtype(name).as_datatype_enum) for name in tensors},
        "numpy": {name: str(tf.dtypes.as_dtype(name).as_numpy_dtype(0).dtype) for name in tensors if name != "string"},
        "request": request.SerializeToString(deterministic=True).hex(),
        "logs": [log.SerializeToString(deterministic=True).hex() for log in logs],
        "log_types": [log.WhichOneof("log_type") for log in logs],
        "unknown_fields": len(request.ListFields()) - 3,
        "inputs": {name: shown(tf.make_ndarray(proto)) for name, proto in request.inputs.items()},
        "model": [request.model_spec.name, request.model_spec.version.value, request.model_spec.signature_name],
        "tensors": {name: [list(array.shape), shown(array)] for name, array in tensors.items()},
        "one_by_one": {name: values_one_by_one(array, name) for name, array in tensors.items()},
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
