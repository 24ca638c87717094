"""From a signature and a scenario's payload to the requests that are sent."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

import numpy as np

from perfgate.errors import UsageError
from perfgate.model.dtypes import BY_NAME
from perfgate.model.interface import Signature
from perfgate.model.messages import PredictRequest
from perfgate.model.nearest import nearest
from perfgate.model.tensors import encode, numpy_dtype
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.random_inputs import random_array
from perfgate.payload.shapes import request_shape, shown
from perfgate.scenario.schema import InputSpec, Payload
from perfgate.trials import Call

_UNSAID = InputSpec()
_LARGEST_MESSAGE_BYTES = (1 << 31) - 1  # https://protobuf.dev/programming-guides/proto-limits/


def record_payload(signature: Signature, spec: Payload, seed: int, model_name: str = "default") -> RecordedPayload:
    """Make `spec.distinct` different requests; equal arguments give equal bytes.

    An input's values depend on the seed, its name, type, shape and settings alone, so that two models get the same data
    in the inputs they share. `seed` is 0 or more. UsageError when the scenario does not fit the signature.
    """
    _check_names(signature, spec)
    shapes = {
        tensor.name: request_shape(tensor, spec.inputs.get(tensor.name, _UNSAID), spec.batch_size)
        for tensor in signature.inputs
    }
    _check_size(signature, shapes)
    requests = tuple(_request(signature, spec, shapes, (seed, index), model_name) for index in range(spec.distinct))
    return RecordedPayload(tuple(map(Call, requests)), tuple(range(len(requests))), ("",), _digest(requests))


def _check_names(signature: Signature, spec: Payload) -> None:
    known = [tensor.name for tensor in signature.inputs]
    for name in spec.inputs:
        if name not in known:
            listing = f"did you mean {nearest(name, known)}? inputs: {', '.join(known)}" if known else "it has none"
            raise UsageError(f"signature {signature.key} has no input {name}", listing)


def _check_size(signature: Signature, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse before drawing what no message can hold; a string counts as eight bytes."""
    for tensor in signature.inputs:
        item_bytes = numpy_dtype(tensor.dtype).itemsize if tensor.dtype in BY_NAME else 1
        size_bytes = math.prod(shapes[tensor.name]) * item_bytes
        if size_bytes > _LARGEST_MESSAGE_BYTES:
            problem = f"input {tensor.name} of shape {shown(shapes[tensor.name])} takes {size_bytes / 2**30:.1f} GiB"
            raise UsageError(f"{problem}, and a request holds 2 GiB", "lower payload.batch_size or the input's shape")


def _request(
    signature: Signature, spec: Payload, shapes: Mapping[str, tuple[int, ...]], which: tuple[int, int], model_name: str
) -> bytes:
    request = PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model_name, signature.key
    for tensor in signature.inputs:
        given = spec.inputs.get(tensor.name, _UNSAID)
        array = random_array(tensor, shapes[tensor.name], given, _generator(tensor.name, *which))
        request.inputs[tensor.name].CopyFrom(encode(array, tensor.dtype))
    message: bytes = request.SerializeToString(deterministic=True)
    return message


def _generator(name: str, seed: int, index: int) -> np.random.Generator:
    entropy = (seed, index, int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def _digest(requests: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for request in requests:
        whole.update(len(request).to_bytes(8, "little") + request)
    return f"sha256:{whole.hexdigest()}"
