"""PredictionService and ModelService as plain functions over messages, with TF-Serving's status codes.

Codes and the order of the checks follow TF-Serving's `predict_util.cc`, `get_model_metadata_impl.cc` and
`get_model_status_impl.cc`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from perfgate.server import tensors
from perfgate.server.servable import Servable, SignatureRunner
from perfgate.server.stages import StageTimes
from perfgate.server.status import StatusError, invalid, of_graph
from perfgate.server.tensorflow_parts import dtypes, errors, signature_constants

DEFAULT_SIGNATURE = signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def require_spec(request: Any) -> None:
    """Reject a request that names no model."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A servable with its name and version."""

    name: str
    version: int
    servable: Servable
    labels: Mapping[str, int] = field(default_factory=dict)
    """Names of versions that requests may use instead of a number."""
    replayed: int = 0
    """Recorded warm-up requests that were replayed during loading."""

    def check_spec(self, spec: Any) -> None:
        """Resolve a ModelSpec, for every method; it must name what is served here."""
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        wanted = spec.version.value if spec.HasField("version") else None
        if spec.HasField("version_label"):
            wanted = self.labels.get(spec.version_label) if spec.name == self.name else None
            if wanted is None:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        if spec.name != self.name or wanted not in {None, self.version}:
            which = f"Latest({spec.name})" if wanted is None else f"Specific({spec.name}, {wanted})"
            raise StatusError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {which}")

    def _endpoint(self, request: Any, key: str) -> SignatureRunner:
        usual = self.servable.usual(key)
        if usual is not None and not request.output_filter:
            inputs = request.inputs
            if len(inputs) == len(usual.inputs) and all(name in inputs for name in usual.inputs):
                return usual
        signature = self.servable.signatures.get(key)
        if signature is None:
            message = f'Serving signature key "{key}" not found.'
            raise StatusError(grpc.StatusCode.FAILED_PRECONDITION, message)
        sent, needed = set(request.inputs), set(signature.inputs)
        if sent - needed or needed - sent - self.servable.defaults[key].keys():
            extra, missing = ",".join(sorted(sent - needed)), ",".join(sorted(needed - sent))
            message = f"input size does not match signature: {len(sent)}!={len(needed)}"
            raise invalid(f"{message}. Sent extra: {{{extra}}}. Missing but required: {{{missing}}}.")
        for alias in request.output_filter:
            if alias not in signature.outputs:
                raise invalid(f"output tensor alias not found in signature: {alias}")
        if len(set(request.output_filter)) != len(request.output_filter):
            raise invalid("duplicate output tensor alias")
        return self.servable.endpoint(key, tuple(request.output_filter))

    def feeds(self, request: Any) -> tuple[SignatureRunner, list[np.ndarray]]:
        """Check a PredictRequest and decode its inputs; StatusError if it does not fit the model."""
        require_spec(request)
        self.check_spec(request.model_spec)
        key = request.model_spec.signature_name or DEFAULT_SIGNATURE
        endpoint = self._endpoint(request, key)
        arrays = []
        inputs = request.inputs
        for name, dtype in zip(endpoint.inputs, endpoint.dtypes, strict=True):
            if name not in inputs:
                arrays.append(self.servable.defaults[key][name])
                continue
            proto = inputs[name]
            if proto.dtype != dtype:
                raise invalid(f"input {name}: expected dtype {_dtype_name(dtype)}, got {_dtype_name(proto.dtype)}")
            try:
                array = tensors.decode(proto)
            except tensors.BadTensorError as error:
                raise invalid(f"input {name}: {error}") from error
            arrays.append(array)
        return endpoint, arrays

    def execute(
        self, endpoint: SignatureRunner, arrays: Sequence[np.ndarray]
    ) -> tuple[Sequence[np.ndarray], StageTimes]:
        """Run an endpoint, for every method. Errors of the graph are StatusErrors; `encode_ms` is still 0.

        Arrays and outputs are in the order of `endpoint.inputs` and `endpoint.outputs`.
        """
        if endpoint.batcher is not None:
            return endpoint.batcher.run(arrays)
        decoded_ns = time.perf_counter_ns()
        try:
            outputs = endpoint.run(*arrays)
        except errors.OpError as error:
            raise of_graph(error) from error
        execute_ms = (time.perf_counter_ns() - decoded_ns) / 1e6
        return outputs, StageTimes(0.0, execute_ms, 0.0, _rows(arrays))

    def predict(self, request: Any) -> tuple[Any, StageTimes]:
        """Answer a PredictRequest; StatusError for bad requests and for errors of the graph."""
        endpoint, arrays = self.feeds(request)
        outputs, times = self.execute(endpoint, arrays)
        executed_ns = time.perf_counter_ns()
        response = predict_pb2.PredictResponse()
        self.describe(response.model_spec, request.model_spec.signature_name or DEFAULT_SIGNATURE)
        for name, array in zip(endpoint.outputs, outputs, strict=True):
            tensors.encode_into(response.outputs[name], array)
        return response, times.encoded((time.perf_counter_ns() - executed_ns) / 1e6)

    def metadata(self, request: Any) -> Any:
        """Answer a GetModelMetadataRequest with the signature definitions."""
        require_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != "signature_def":
                raise invalid(f"Metadata field {name} is not supported")
        self.check_spec(request.model_spec)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        for key, signature in self.servable.signatures.items():
            definitions.signature_def[key].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        self.describe(response.model_spec, "")
        response.metadata["signature_def"].Pack(definitions)
        return response

    def status(self, request: Any) -> Any:
        """Answer a GetModelStatusRequest: this one version is AVAILABLE; labels are ignored, as in TF-Serving."""
        require_spec(request)
        spec = request.model_spec
        if spec.name != self.name:
            raise StatusError(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        if spec.HasField("version") and spec.version.value != self.version:
            message = f"Could not find version {spec.version.value} of model {spec.name}"
            raise StatusError(grpc.StatusCode.NOT_FOUND, message)
        available = get_model_status_pb2.ModelVersionStatus.State.Value("AVAILABLE")
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=self.version, state=available).status.SetInParent()
        return response

    def describe(self, spec: Any, signature_name: str) -> None:
        """Fill in the ModelSpec of a response."""
        spec.name, spec.version.value, spec.signature_name = self.name, self.version, signature_name


def _rows(arrays: Sequence[np.ndarray]) -> int:
    """Count a request's rows: the first dimension of its first input that has one."""
    return next((array.shape[0] for array in arrays if array.ndim), 1)


def _dtype_name(number: int) -> str:
    try:
        return str(dtypes.as_dtype(number).name)
    except TypeError:
        return f"unknown ({number})"
