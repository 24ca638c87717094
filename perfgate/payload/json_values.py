"""Values of TF-Serving's REST API converted to arrays and examples, and back where needed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import numpy as np

from perfgate.model.dtypes import BY_NAME
from perfgate.model.interface import TensorSpec
from perfgate.model.messages import Example, Feature, Proto
from perfgate.model.tensors import Array, numpy_dtype
from perfgate.payload.shapes import named

_DEEPEST = 64
_SHOWN = 40


class NotFittingError(Exception):
    """A JSON value that cannot be converted as requested."""


def array_of(value: Any, tensor: TensorSpec) -> Array:  # noqa: ANN401 - any JSON
    """Make an array of nested lists; NotFittingError, naming the input, for ragged ones and for other types.

    Numbers with a point are not integers, true and false are not numbers, and values out of the type's range are
    rejected.
    """
    if tensor.dtype not in BY_NAME or tensor.dtype.startswith("complex"):
        raise NotFittingError(f"input {tensor.name} is {tensor.dtype}, which JSON cannot represent")
    shape = _shape(value, tensor.name)
    flat = [value]
    for size in shape:
        if any(not isinstance(each, list) or len(each) != size for each in flat):
            raise NotFittingError(f"input {tensor.name} has rows of different lengths")
        flat = [inner for each in flat for inner in each]
    if any(isinstance(each, list) for each in flat):
        raise NotFittingError(f"input {tensor.name} has rows of different lengths")
    if tensor.dtype == "string":
        strings = np.empty(len(flat), object)
        strings[:] = [string_of(each, f"input {tensor.name}") for each in flat]
        return strings.reshape(shape)
    return _numbers(flat, tensor).reshape(shape)


def _shape(value: Any, name: str) -> tuple[int, ...]:  # noqa: ANN401 - any JSON
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) > _DEEPEST:
            raise NotFittingError(f"input {name} has more than {_DEEPEST} dimensions")
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _numbers(flat: list[Any], tensor: TensorSpec) -> Array:
    dtype = numpy_dtype(tensor.dtype)
    taken: tuple[type, ...] = (bool,) if tensor.dtype == "bool" else (int,) if "int" in tensor.dtype else (int, float)
    for each in flat:
        if type(each) not in taken:
            raise NotFittingError(f"input {tensor.name} is {tensor.dtype}, but {_shown(each)} is not")
    try:
        wide = np.array(flat, np.float64 if float in taken else dtype)
    except OverflowError as error:
        raise NotFittingError(f"input {tensor.name}: a number is outside {tensor.dtype}'s range") from error
    with np.errstate(over="ignore"):
        array = wide.astype(dtype)
    if float in taken and np.any(np.isinf(array.astype(np.float64)) & np.isfinite(wide)):
        raise NotFittingError(f"input {tensor.name}: a number is outside {tensor.dtype}'s range")
    return array


def is_base64(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Return whether it is `{"b64": "…"}`."""
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def string_of(value: Any, what: str) -> bytes:  # noqa: ANN401 - any JSON
    """Read a string, plain or base64; NotFittingError for anything else."""
    if is_base64(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotFittingError(f"{what}: {_shown(value['b64'])} is not base64") from error
    if not isinstance(value, str):
        raise NotFittingError(f"{what} is string, but {_shown(value)} is not")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise NotFittingError(f"{what}: {_shown(value)} is not valid text: unpaired surrogate") from error


def example_of(value: Any) -> Proto:  # noqa: ANN401 - any JSON
    """Read `{"feature": value or list, …}` as a tf.Example; NotFittingError for anything else."""
    if not isinstance(value, dict):
        raise NotFittingError(f"an example must be an object, but {_shown(value)} is not")
    example = Example()
    example.features.SetInParent()
    for name, given in value.items():
        example.features.feature[name].CopyFrom(_feature(name, given if isinstance(given, list) else [given]))
    return example


def _feature(name: str, values: list[Any]) -> Proto:
    """Convert whole numbers and booleans to int64, other numbers to float, strings to bytes, like TF-Serving."""
    feature = Feature()
    kinds = set(_kinds(name, values))
    if len(kinds) > 1:
        raise NotFittingError(f"feature {named(name)} mixes {' and '.join(sorted(kinds))}")
    try:
        if kinds == {"bytes"}:
            feature.bytes_list.value.extend(string_of(each, f"feature {named(name)}") for each in values)
        elif kinds == {"float"}:
            feature.float_list.value.extend(values)
        elif kinds == {"int64"}:
            feature.int64_list.value.extend(map(int, values))
    except (ValueError, OverflowError) as error:
        raise NotFittingError(f"feature {named(name)}: a number is outside {kinds.pop()}'s range") from error
    return feature


def _kinds(name: str, values: list[Any]) -> Iterator[str]:
    for each in values:
        if isinstance(each, float):
            yield "float"
        elif isinstance(each, int):
            yield "int64"
        elif isinstance(each, str) or is_base64(each):
            yield "bytes"
        else:
            raise NotFittingError(f"feature {named(name)}: {_shown(each)} is neither a number nor a string")


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
