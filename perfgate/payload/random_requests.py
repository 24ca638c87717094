"""Requests with random values for a signature's inputs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from perfgate.errors import UsageError
from perfgate.formatting import with_unit
from perfgate.model.dtypes import BY_NAME
from perfgate.model.interface import Signature
from perfgate.model.tensors import numpy_dtype
from perfgate.payload.inputs import Filled, filled_inputs
from perfgate.payload.random_inputs import random_array
from perfgate.payload.requests import LARGEST_MESSAGE_BYTES, predict_call
from perfgate.payload.shapes import request_shape, shown
from perfgate.scenario.schema import Payload
from perfgate.trials import Call


def random_calls(
    signature: Signature, spec: Payload, seed: int, model_name: str = "default", class_name: str = ""
) -> Iterator[Call]:
    """Make `spec.distinct` different requests; equal arguments give equal bytes.

    An input's values depend only on the seed, the class's name and the input's key, type, shape and settings, so that
    two models get the same data in the inputs they share. `seed` is 0 or more. UsageError if the scenario does not fit
    the signature.
    """
    if spec.method != "predict":
        problem = f'payload.method = "{spec.method}" sends tf.Examples, which cannot be random'
        raise UsageError(problem, 'use recorded ones: payload.source = "examples", "json" or "prediction_log"')
    inputs = filled_inputs(signature, spec)
    shapes = _shapes(inputs, spec.batch_size)
    _check_size(signature, shapes)
    for index in range(spec.distinct):
        arrays = {
            each.tensor.name: random_array(
                each.tensor, shapes[each.tensor.name], each.spec, _generator(seed, index, each.key, class_name)
            )
            for each in inputs
        }
        yield predict_call(signature, arrays, model_name, "a request")


def _shapes(inputs: Sequence[Filled], batch_size: int) -> dict[str, tuple[int, ...]]:
    """Return each input's shape; UsageError names all inputs whose shape the scenario must specify."""
    shapes, errors = {}, list[UsageError]()
    for each in inputs:
        try:
            shapes[each.tensor.name] = request_shape(each.tensor, each.spec, batch_size)
        except UsageError as error:
            errors.append(error)
    if errors:
        first, others = errors[0], len(errors) - 1
        more = f", and {others} other input{'s' * (others > 1)} likewise" if others else ""
        raise UsageError(f"{first.problem}{more}", f"{first.remedy}; `perfgate init MODEL` writes a scenario")
    return shapes


def _check_size(signature: Signature, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Reject requests too large for a message before drawing them; a string counts as eight bytes."""
    for tensor in signature.inputs:
        item_bytes = numpy_dtype(tensor.dtype).itemsize if tensor.dtype in BY_NAME else 1
        size_bytes = math.prod(shapes[tensor.name]) * item_bytes
        if size_bytes > LARGEST_MESSAGE_BYTES:
            size = with_unit(size_bytes / 2**30, "GiB")
            problem = f"input {tensor.name} of shape {shown(shapes[tensor.name])} takes {size}"
            raise UsageError(
                f"{problem}, but a request can have at most 2 GiB", "lower payload.batch_size or the input's shape"
            )


def _generator(seed: int, index: int, *names: str) -> np.random.Generator:
    hashes = (int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") for name in names if name)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index, *hashes))))
