"""Classify, Regress and MultiInference as plain functions over messages, with TF-Serving's status codes and messages.

They follow its `classifier.cc`, `regressor.cc` and `multi_inference.cc`. As there by default, the signature's
`method_name` is ignored: models exported by TensorFlow 2 all have `tensorflow/serving/predict`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import numpy as np
from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, model_pb2, predict_pb2, regression_pb2

from perfgate.server import examples
from perfgate.server.predict import DEFAULT_SIGNATURE, ServedModel, require_spec
from perfgate.server.servable import SignatureRunner, tensor_name
from perfgate.server.stages import StageTimes
from perfgate.server.status import StatusError, invalid
from perfgate.server.tensorflow_parts import dtypes, signature_constants

Feeds: TypeAlias = tuple[SignatureRunner, list[np.ndarray]]
"""The callable to run, and its inputs."""

_INPUTS = signature_constants.CLASSIFY_INPUTS  # the same name as in Regress
_CLASSES, _SCORES = signature_constants.CLASSIFY_OUTPUT_CLASSES, signature_constants.CLASSIFY_OUTPUT_SCORES
_OUTPUTS = signature_constants.REGRESS_OUTPUTS
_CLASSIFY, _REGRESS = signature_constants.CLASSIFY_METHOD_NAME, signature_constants.REGRESS_METHOD_NAME


@dataclass(frozen=True, slots=True)
class _Task:
    """A signature's tensors by their names in the graph."""

    key: str
    signature: Any
    input: str
    outputs: tuple[str, ...]


def _quoted(signature: Any) -> str:
    return text_format.MessageToString(signature, as_one_line=True)


def _classification(key: str, signature: Any) -> _Task:
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(signature.outputs) not in {1, 2}:
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if _INPUTS not in signature.inputs:
        raise invalid(f"No classification inputs found in SignatureDef: {_quoted(signature)}")
    outputs = signature.outputs
    found = tuple(tensor_name("output", name, outputs[name]) for name in (_CLASSES, _SCORES) if name in outputs)
    if not found:
        words = f'to contain at least one of "{_CLASSES}" or "{_SCORES}". Signature was: {_quoted(signature)}'
        raise invalid(f"Expected classification signature outputs {words}")
    return _Task(key, signature, tensor_name("input", _INPUTS, signature.inputs[_INPUTS]), found)


def _regression(key: str, signature: Any) -> _Task:
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if _INPUTS not in signature.inputs:
        raise invalid(f"No regression inputs found in SignatureDef: {_quoted(signature)}")
    if _OUTPUTS not in signature.outputs:
        raise invalid(f"No regression outputs found in SignatureDef: {_quoted(signature)}")
    fetched = tensor_name("output", _OUTPUTS, signature.outputs[_OUTPUTS])
    return _Task(key, signature, tensor_name("input", _INPUTS, signature.inputs[_INPUTS]), (fetched,))


def _shape(array: np.ndarray) -> str:
    return f"[{','.join(map(str, array.shape))}]"


def _dtype_name(array: np.ndarray) -> str:
    kind = dtypes.string if array.dtype.kind in "OSU" else dtypes.as_dtype(array.dtype)
    return str(types_pb2.DataType.Name(kind.as_datatype_enum))


def _fits(name: str, array: np.ndarray, dtype: str, rows: int) -> np.ndarray:
    if array.ndim != 2:
        raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
    if _dtype_name(array) != dtype:
        raise invalid(f"Expected {name} Tensor of {dtype}. Got: {_dtype_name(array)}")
    if len(array) != rows:
        raise invalid(f"Expected {name} output batch size of {rows}. Got: {len(array)}")
    return array


def _classified(task: _Task, arrays: Mapping[str, np.ndarray], rows: int) -> Any:
    classes = scores = None
    outputs = task.signature.outputs
    if _CLASSES in outputs:
        classes = _fits(_CLASSES, arrays[outputs[_CLASSES].name], "DT_STRING", rows)
    if _SCORES in outputs:
        scores = _fits(_SCORES, arrays[outputs[_SCORES].name], "DT_FLOAT", rows)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        words = f"Got {classes.shape[1]} vs. {scores.shape[1]}"
        raise invalid(f"Tensors class and score should match in dim_size(1). {words}")
    result = classification_pb2.ClassificationResult()
    labels = classes.tolist() if classes is not None else [()] * rows
    values = scores.tolist() if scores is not None else [()] * rows
    for row, weights in zip(labels, values, strict=True):
        result.classifications.add().classes.extend(
            classification_pb2.Class(label=_text(label), score=score)
            for label, score in zip(row or [b""] * len(weights), weights or [0.0] * len(row), strict=True)
        )
    return result


def _text(label: bytes | str) -> str:
    return label if isinstance(label, str) else label.decode(errors="replace")


def _regressed(task: _Task, arrays: Mapping[str, np.ndarray], rows: int) -> Any:
    array = arrays[task.outputs[0]]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        words = f"to be either [batch_size] or [batch_size, 1] but got {_shape(array)}"
        raise invalid(f"Expected output Tensor shape {words}")
    if len(array) != rows:
        raise invalid(f"Input batch size did not match output batch size: {rows} vs. {len(array)}")
    if _dtype_name(array) != "DT_FLOAT":
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {_dtype_name(array)}")
    result = regression_pb2.RegressionResult()
    result.regressions.extend(regression_pb2.Regression(value=value) for value in array.ravel().tolist())
    return result


@dataclass(frozen=True, slots=True)
class _Kind:
    """The differences between Classify and Regress."""

    task: Callable[[str, Any], _Task]
    """Check a signature."""
    result: Callable[[_Task, Mapping[str, np.ndarray], int], Any]
    """Check the outputs and write the result."""
    field: str
    """The result's field in a MultiInference response."""


_KINDS = {
    _CLASSIFY: _Kind(_classification, _classified, "classification_result"),
    _REGRESS: _Kind(_regression, _regressed, "regression_result"),
}


def _single(served: ServedModel, request: Any, kind: _Kind) -> tuple[_Task, Feeds]:
    require_spec(request)
    served.check_spec(request.model_spec)
    key = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if key not in served.servable.signatures:
        raise invalid(f"No signature was found with the name: {key}")
    task = kind.task(key, served.servable.signatures[key])
    array = examples.serialised(request.input)
    return task, (served.servable.fetch(task.input, task.outputs), [array])


def _answer_single(served: ServedModel, request: Any, kind: _Kind, response: Any) -> tuple[Any, StageTimes]:
    task, (endpoint, arrays) = _single(served, request, kind)
    outputs, times = served.execute(endpoint, arrays)
    executed_ns = time.perf_counter_ns()
    named = dict(zip(endpoint.outputs, map(np.asarray, outputs), strict=True))
    response.result.CopyFrom(kind.result(task, named, len(arrays[0])))
    served.describe(response.model_spec, task.key)
    return response, times.encoded((time.perf_counter_ns() - executed_ns) / 1e6)


def classify(served: ServedModel, request: Any) -> tuple[Any, StageTimes]:
    """Answer a ClassificationRequest; StatusError for bad requests and for errors of the graph."""
    return _answer_single(served, request, _KINDS[_CLASSIFY], classification_pb2.ClassificationResponse())


def regress(served: ServedModel, request: Any) -> tuple[Any, StageTimes]:
    """Answer a RegressionRequest; StatusError for bad requests and for errors of the graph."""
    return _answer_single(served, request, _KINDS[_REGRESS], regression_pb2.RegressionResponse())


def _several(served: ServedModel, request: Any) -> tuple[list[tuple[_Kind, _Task]], Feeds]:
    served.check_spec(request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec())
    tasks: list[tuple[_Kind, _Task]] = []
    for each in request.tasks:
        if not each.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if each.model_spec.name != served.name:
            raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        key = each.model_spec.signature_name or DEFAULT_SIGNATURE
        if any(task.key == key for _, task in tasks):
            raise invalid(f"Duplicate evaluation of signature: {key}")
        if key not in served.servable.signatures:
            raise invalid(f"Requested signature not found in model graph: {key}")
        if each.method_name not in _KINDS:
            words = f"Unsupported signature method_name: {each.method_name}"
            raise StatusError(grpc.StatusCode.UNIMPLEMENTED, words)
        kind = _KINDS[each.method_name]
        tasks.append((kind, kind.task(key, served.servable.signatures[key])))
        if tasks[-1][1].input != tasks[0][1].input:
            raise invalid("Input tensor must be the same for all Signatures.")
    array = examples.serialised(request.input)
    outputs = sorted({name for _, task in tasks for name in task.outputs})
    return tasks, (served.servable.fetch(tasks[0][1].input, outputs), [array])


def multi_inference(served: ServedModel, request: Any) -> tuple[Any, StageTimes]:
    """Answer a MultiInferenceRequest, with all of its signatures in one execution."""
    tasks, (endpoint, arrays) = _several(served, request)
    outputs, times = served.execute(endpoint, arrays)
    executed_ns = time.perf_counter_ns()
    named = dict(zip(endpoint.outputs, map(np.asarray, outputs), strict=True))
    response = inference_pb2.MultiInferenceResponse()
    for kind, task in tasks:
        result = response.results.add()
        served.describe(result.model_spec, task.key)
        getattr(result, kind.field).CopyFrom(kind.result(task, named, len(arrays[0])))
    return response, times.encoded((time.perf_counter_ns() - executed_ns) / 1e6)


FEEDS: dict[str, tuple[Any, Callable[[ServedModel, Any], Feeds]]] = {
    "Predict": (predict_pb2.PredictRequest, ServedModel.feeds),
    "Classify": (
        classification_pb2.ClassificationRequest,
        lambda served, request: _single(served, request, _KINDS[_CLASSIFY])[1],
    ),
    "Regress": (
        regression_pb2.RegressionRequest,
        lambda served, request: _single(served, request, _KINDS[_REGRESS])[1],
    ),
    "MultiInference": (inference_pb2.MultiInferenceRequest, lambda served, request: _several(served, request)[1]),
}
"""For each method of PredictionService: its request's type, and a function that checks a request and decodes inputs."""
