"""PredictionService and ModelService as plain functions over messages, with TF-Serving's status codes.

Codes and the order of the checks follow TF-Serving's `predict_util.cc`, `get_model_metadata_impl.cc` and
`get_model_status_impl.cc`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from perfgate.serving.embedded import tensors
from perfgate.serving.embedded.servable import Endpoint, Servable
from perfgate.serving.embedded.stages import StageTimes

_STATUS_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


class StatusError(Exception):
    """An answer that is a gRPC status."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def _invalid(message: str) -> StatusError:
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


def _require_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise _invalid("Missing ModelSpec")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A servable under its name and version."""

    name: str
    version: int
    servable: Servable

    def _check_spec(self, spec: Any) -> None:
        wanted = spec.version.value if spec.HasField("version") else None
        if spec.name != self.name or wanted not in {None, self.version}:
            which = f"Latest({spec.name})" if wanted is None else f"Specific({spec.name}, {wanted})"
            raise StatusError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {which}")

    def _endpoint(self, request: Any, key: str) -> Endpoint:
        signature = self.servable.signatures.get(key)
        if signature is None:
            message = f'Serving signature key "{key}" not found.'
            raise StatusError(grpc.StatusCode.FAILED_PRECONDITION, message)
        sent, needed = set(request.inputs), set(signature.inputs)
        if sent != needed:
            extra, missing = ",".join(sorted(sent - needed)), ",".join(sorted(needed - sent))
            message = f"input size does not match signature: {len(sent)}!={len(needed)}"
            raise _invalid(f"{message}. Sent extra: {{{extra}}}. Missing but required: {{{missing}}}.")
        for alias in request.output_filter:
            if alias not in signature.outputs:
                raise _invalid(f"output tensor alias not found in signature: {alias}")
        if len(set(request.output_filter)) != len(request.output_filter):
            raise _invalid("duplicate output tensor alias")
        return self.servable.endpoint(key, tuple(request.output_filter))

    def feeds(self, request: Any) -> tuple[Endpoint, list[np.ndarray]]:
        """Check a PredictRequest and decode its inputs; StatusError when it does not fit the model."""
        _require_spec(request)
        self._check_spec(request.model_spec)
        key = request.model_spec.signature_name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        endpoint = self._endpoint(request, key)
        signature = self.servable.signatures[key]
        arrays = []
        for name in endpoint.inputs:
            proto, info = request.inputs[name], signature.inputs[name]
            if proto.dtype != info.dtype:
                sent, want = _dtype_name(proto.dtype), _dtype_name(info.dtype)
                raise _invalid(f"input {name}: expected dtype {want}, got {sent}")
            try:
                array = tensors.decode(proto)
            except tensors.BadTensorError as error:
                raise _invalid(f"input {name}: {error}") from error
            if not tf.TensorShape(info.tensor_shape).is_compatible_with(array.shape):
                message = f"input {name}: shape {list(array.shape)} does not fit {tf.TensorShape(info.tensor_shape)}"
                raise _invalid(message)
            arrays.append(array)
        return endpoint, arrays

    def execute(self, endpoint: Endpoint, arrays: Sequence[np.ndarray]) -> tuple[Sequence[np.ndarray], StageTimes]:
        """Run an endpoint; every method does it here. Errors of the graph are StatusErrors; `encode_ms` is 0 yet.

        Arrays and outputs are in the order of `endpoint.inputs` and `endpoint.outputs`.
        """
        decoded_ns = time.perf_counter_ns()
        try:
            outputs = endpoint.run(*arrays)
        except tf.errors.OpError as error:
            raise StatusError(_STATUS_BY_NUMBER[error.error_code], error.message) from error
        execute_ms = (time.perf_counter_ns() - decoded_ns) / 1e6
        return outputs, StageTimes(0.0, execute_ms, 0.0, _rows(arrays))

    def predict(self, request: Any) -> tuple[Any, StageTimes]:
        """Answer a PredictRequest; StatusError for bad requests and for errors of the graph."""
        endpoint, arrays = self.feeds(request)
        outputs, times = self.execute(endpoint, arrays)
        executed_ns = time.perf_counter_ns()
        response = predict_pb2.PredictResponse()
        self._describe(response.model_spec, request.model_spec.signature_name)
        for name, array in zip(endpoint.outputs, outputs, strict=True):
            response.outputs[name].CopyFrom(tensors.encode(array))
        return response, times.encoded((time.perf_counter_ns() - executed_ns) / 1e6)

    def metadata(self, request: Any) -> Any:
        """Answer a GetModelMetadataRequest: the signature definitions."""
        _require_spec(request)
        if not request.metadata_field:
            raise _invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise _invalid(f"Metadata field {field} is not supported")
        self._check_spec(request.model_spec)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        for key, signature in self.servable.signatures.items():
            definitions.signature_def[key].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        self._describe(response.model_spec, "")
        response.metadata["signature_def"].Pack(definitions)
        return response

    def status(self, request: Any) -> Any:
        """Answer a GetModelStatusRequest: this one version is AVAILABLE."""
        _require_spec(request)
        spec = request.model_spec
        if spec.name != self.name:
            raise StatusError(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        if spec.HasField("version") and spec.version.value != self.version:
            message = f"Could not find version {spec.version.value} of model {spec.name}"
            raise StatusError(grpc.StatusCode.NOT_FOUND, message)
        available = get_model_status_pb2.ModelVersionStatus.State.Value("AVAILABLE")
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=self.version, state=available)
        return response

    def _describe(self, spec: Any, signature_name: str) -> None:
        spec.name, spec.version.value, spec.signature_name = self.name, self.version, signature_name


def _rows(arrays: Sequence[np.ndarray]) -> int:
    """Count a request's rows: the first dimension of its first input that has one."""
    return next((array.shape[0] for array in arrays if array.ndim), 1)


def _dtype_name(number: int) -> str:
    try:
        return str(tf.dtypes.as_dtype(number).name)
    except TypeError:
        return f"unknown ({number})"
