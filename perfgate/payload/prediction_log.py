"""Requests from a TFRecord file of `PredictionLog`s, as TF-Serving logs them and replays them for warm-up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from google.protobuf.message import DecodeError

from perfgate.errors import UsageError
from perfgate.model.dtypes import name_of
from perfgate.model.interface import Model
from perfgate.model.messages import ModelSpec, PredictionLog, Proto
from perfgate.model.tensors import decode
from perfgate.payload.requests import (
    check_dtype,
    check_names,
    example_signature,
    predict_signature,
    prefixed_errors,
    serialised,
)
from perfgate.payload.shapes import named
from perfgate.payload.tfrecord import read_records
from perfgate.scenario.schema import Payload
from perfgate.trials import Call, Method


def logged_calls(file: Path, model: Model, spec: Payload, model_name: str) -> Iterator[Call]:
    """Read the first `spec.distinct` requests; each keeps its signature, if it names one, and gets our model's name.

    UsageError, naming file and record, if one is damaged, cannot be sent, or does not fit the model.
    """
    for number, log in islice(_logs(file), spec.distinct):
        where = f"{file}: record {number}"
        kind = log.WhichOneof("choice")
        if kind not in _SENT:
            what = f"a {kind}" if kind else "not the log of a request"
            raise UsageError(f"{where} is {what}; only {', '.join(_SENT)} can be sent", "remove it")
        method, check = _SENT[kind]
        request = getattr(log, kind).request
        check(request, model, spec, where)
        for holder in request.tasks if method is Method.MULTI_INFERENCE else (request,):
            key = holder.model_spec.signature_name or spec.signature
            holder.model_spec.CopyFrom(ModelSpec(name=model_name, signature_name=key))
        yield Call(serialised(request, where), method)


def kinds_in(file: Path) -> tuple[tuple[str, int], ...]:
    """Count all of the file's logs by kind, such as `predict_log`; UsageError if it is damaged."""
    counts = Counter(log.WhichOneof("choice") or "empty" for _, log in _logs(file))
    return tuple(sorted(counts.items()))


def _logs(file: Path) -> Iterator[tuple[int, Proto]]:
    for number, record in enumerate(read_records(file), start=1):
        try:
            yield number, PredictionLog.FromString(record)
        except DecodeError as error:
            raise UsageError(
                f"{file}: record {number} is not a PredictionLog", "use a file of PredictionLogs"
            ) from error


def _check_predict(request: Proto, model: Model, spec: Payload, where: str) -> None:
    with prefixed_errors(where):
        signature = predict_signature(model, request.model_spec.signature_name or spec.signature)
    check_names(request.inputs, signature, where)
    for tensor in signature.inputs:
        proto = request.inputs[tensor.name]
        check_dtype(tensor, name_of(proto.dtype), where)
        try:
            decode(proto)
        except ValueError as error:
            raise UsageError(f"{where}: input {tensor.name} is not a valid tensor: {error}", "remove it") from error
    outputs = [tensor.name for tensor in signature.outputs]
    for name in request.output_filter:
        if name not in outputs:
            problem = f"{where} requests output {named(name)}, which signature {signature.key} does not have"
            raise UsageError(problem, f"its outputs: {', '.join(outputs)}")


def _check_examples(method: Method) -> Callable[[Proto, Model, Payload, str], None]:
    def check(request: Proto, model: Model, spec: Payload, where: str) -> None:
        with prefixed_errors(where):
            example_signature(model, request.model_spec.signature_name or spec.signature, method)
        _check_input(request.input, where)

    return check


_BY_METHOD_NAME = {"tensorflow/serving/classify": Method.CLASSIFY, "tensorflow/serving/regress": Method.REGRESS}


def _check_multi(request: Proto, model: Model, spec: Payload, where: str) -> None:
    if not request.tasks:
        raise UsageError(f"{where} has no tasks", "remove it")
    for task in request.tasks:
        if task.method_name not in _BY_METHOD_NAME:
            problem = f"{where}: a task's method is {named(task.method_name) or 'not given'}"
            raise UsageError(problem, f"it must be {' or '.join(_BY_METHOD_NAME)}")
        with prefixed_errors(where):
            key = task.model_spec.signature_name or spec.signature
            example_signature(model, key, _BY_METHOD_NAME[task.method_name])
    _check_input(request.input, where)


def _check_input(given: Proto, where: str) -> None:
    kind = given.WhichOneof("choice")
    if kind is None or not getattr(given, kind).examples:
        raise UsageError(f"{where} has no examples", "remove it")


_SENT: dict[str, tuple[Method, Callable[[Proto, Model, Payload, str], None]]] = {
    "predict_log": (Method.PREDICT, _check_predict),
    "classify_log": (Method.CLASSIFY, _check_examples(Method.CLASSIFY)),
    "regress_log": (Method.REGRESS, _check_examples(Method.REGRESS)),
    "multi_inference_log": (Method.MULTI_INFERENCE, _check_multi),
}
