"""Requests as sent over the wire: made of arrays or examples, and checked against the model's signature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from google.protobuf.message import EncodeError

from perfgate.errors import UsageError
from perfgate.model.interface import Model, ServedAs, Signature, TensorSpec
from perfgate.model.messages import (
    ClassificationRequest,
    ModelSpec,
    MultiInferenceRequest,
    PredictRequest,
    Proto,
    RegressionRequest,
)
from perfgate.model.saved_model import signature as signature_of
from perfgate.model.tensors import Array, encode
from perfgate.nearest import nearest
from perfgate.payload.shapes import named
from perfgate.trials import Call, Method

LARGEST_MESSAGE_BYTES = (1 << 31) - 1
"""https://protobuf.dev/programming-guides/proto-limits/"""

_EXAMPLE_REQUESTS = {Method.CLASSIFY: ClassificationRequest, Method.REGRESS: RegressionRequest}
_EXAMPLE_INPUT = "inputs"
_EXAMPLE_OUTPUTS = {Method.CLASSIFY: {"classes", "scores"}, Method.REGRESS: {"outputs"}}
"""Names as in TF-Serving's classifier.cc and regressor.cc (tensorflow/cc/saved_model/signature_constants.h)."""
_MESSAGES = {
    Method.PREDICT: PredictRequest,
    Method.MULTI_INFERENCE: MultiInferenceRequest,
    **_EXAMPLE_REQUESTS,
}
METHOD_OF = {"predict": Method.PREDICT, "classify": Method.CLASSIFY, "regress": Method.REGRESS}
"""By `payload.method`."""


@contextmanager
def prefixed_errors(where: str) -> Iterator[None]:
    """Prefix a UsageError with its subject."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{where}: {error.problem}", error.remedy) from error


def predict_signature(model: Model, key: str) -> Signature:
    """Return a signature whose inputs a PredictRequest can carry; UsageError if there is none."""
    found = signature_of(model, key)
    for tensor in found.inputs:
        if tensor.encoding != "dense":
            problem = (
                f"input {tensor.name} of signature {key} is a {tensor.encoding} tensor, which a request cannot contain"
            )
            raise UsageError(problem, "set payload.signature to one that takes dense inputs or serialized tf.Examples")
    return found


def example_signature(model: Model, key: str, method: Method) -> Signature:
    """Return a signature that answers `Classify` or `Regress`; UsageError if there is none.

    Its method name is ignored, as in TF-Serving by default: models of TensorFlow 2 always have `predict`.
    """
    found = signature_of(model, key)
    if not _answers(found, method):
        fitting = [each.key for each in model.signatures if _answers(each, method)]
        remedy = (
            f"set payload.signature to one of: {', '.join(fitting)}" if fitting else "the model has no such signature"
        )
        outputs = " and ".join(sorted(_EXAMPLE_OUTPUTS[method]))
        problem = f"signature {key} of {model.given} does not support {method}"
        raise UsageError(f"{problem}: from one string input, {_EXAMPLE_INPUT}, to {outputs}", remedy)
    return found


def _answers(signature: Signature, method: Method) -> bool:
    outputs = {tensor.name for tensor in signature.outputs}
    inputs = [(tensor.name, tensor.dtype) for tensor in signature.inputs]
    return inputs == [(_EXAMPLE_INPUT, "string")] and bool(outputs) and outputs <= _EXAMPLE_OUTPUTS[method]


def inputs_shown(signature: Signature) -> str:
    """List the inputs for a message."""
    listed = ", ".join(f"{tensor.name} {tensor.dtype}" for tensor in signature.inputs)
    return f"its inputs are {listed}" if listed else "it has no inputs"


def predict_call(signature: Signature, arrays: Mapping[str, Array], model_name: str, where: str) -> Call:
    """Write arrays, one for each input of the signature, as a PredictRequest."""
    request = PredictRequest(model_spec=ModelSpec(name=model_name, signature_name=signature.key))
    for tensor in signature.inputs:
        request.inputs[tensor.name].CopyFrom(encode(arrays[tensor.name], tensor.dtype))
    return Call(serialised(request, where))


def examples_call(  # noqa: PLR0913, PLR0917 - the parts of such a request
    method: Method, key: str, examples: Sequence[Proto], context: Proto | None, model_name: str, where: str
) -> Call:
    """Write examples as the request of `Classify` or `Regress`."""
    request = _EXAMPLE_REQUESTS[method](model_spec=ModelSpec(name=model_name, signature_name=key))
    if context is None:
        request.input.example_list.examples.extend(examples)
    else:
        request.input.example_list_with_context.examples.extend(examples)
        request.input.example_list_with_context.context.CopyFrom(context)
    return Call(serialised(request, where), method)


def addressed(call: Call, served_as: ServedAs) -> Call:
    """Set a request's version or label, if one is named."""
    if served_as.version is None and not served_as.label:
        return call
    message = _MESSAGES[call.method].FromString(call.body)
    tasks = message.tasks if call.method is Method.MULTI_INFERENCE else (message,)
    for task in tasks:
        if served_as.version is not None:
            task.model_spec.version.value = served_as.version
        else:
            task.model_spec.version_label = served_as.label
    return replace(call, body=serialised(message, "a request"))


def serialised(message: Proto, where: str) -> bytes:
    """Serialise deterministically; UsageError for what does not fit into a message."""
    try:
        data: bytes = message.SerializeToString(deterministic=True)
    except (EncodeError, ValueError) as error:
        raise UsageError(f"{where} is larger than the limit of 2 GiB for a request", "send fewer rows") from error
    return data


def check_names(names: Iterable[str], signature: Signature, where: str) -> None:
    """Check the names of what is sent against the signature's inputs; UsageError for a missing or unknown one."""
    sent, wanted = set(names), {tensor.name for tensor in signature.inputs}
    remedy = f"signature {signature.key} takes {', '.join(sorted(wanted)) or 'no input'}"
    for name in sorted(wanted - sent):
        near = f", but there is {named(nearest(name, sorted(sent - wanted)))}" if sent - wanted else ""
        raise UsageError(f"{where}: no input {name}{near}", remedy)
    for name in sorted(sent - wanted):
        raise UsageError(f"{where}: signature {signature.key} has no input {named(name)}", remedy)


def check_dtype(tensor: TensorSpec, dtype: str, where: str) -> None:
    """Check a tensor's type against the signature; UsageError if it does not fit.

    Shapes are not checked: TF-Serving does not check them either, and many models accept more than their signature says
    (`PreProcessPrediction` in tensorflow_serving/servables/tensorflow/predict_util.cc).
    """
    if dtype != tensor.dtype:
        problem = f"{where}: input {tensor.name} is {dtype}, but the signature takes {tensor.dtype}"
        raise UsageError(problem, f"write it as {tensor.dtype}")
