"""TensorProto to numpy array and back, by TensorFlow's rules but without TensorFlow."""

from __future__ import annotations

import math
import sys
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from perfgate.model.dtypes import BY_NAME, BY_NUMBER, DType
from perfgate.model.messages import Proto, TensorProto

Array: TypeAlias = NDArray[Any]

_OWN: dict[str, type] = {"bfloat16": ml_dtypes.bfloat16, "string": object}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return numpy's dtype for TensorFlow's name; `string` is an array of `bytes` objects. KeyError if unknown."""
    dtype: np.dtype[Any] = np.dtype(_OWN.get(name, BY_NAME[name].name))
    return dtype


def encode(array: Array, dtype: str) -> Proto:
    """Write an array of that dtype as TensorProto: numbers as little-endian `tensor_content`, strings individually."""
    proto = TensorProto(dtype=BY_NAME[dtype].number)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if not array.shape:
        proto.tensor_shape.SetInParent()
    if dtype == "string":
        proto.string_val.extend(array.ravel().tolist())
    else:
        proto.tensor_content = _little_endian(array.astype(numpy_dtype(dtype), copy=False)).tobytes()
    return proto


def decode(proto: Proto) -> Array:
    """Read a TensorProto, strings as an array of `bytes` objects; ValueError if it does not describe a tensor.

    If a `…_val` field has too few values, the last one fills the rest; if it has none, zeros do, as in
    `tensorflow/python/framework/tensor_util.py: MakeNdarray`.
    """
    if proto.dtype not in BY_NUMBER:
        raise ValueError(f"data type {proto.dtype} is not supported")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise ValueError(f"shape {list(shape)} is not fully known")
    dtype = BY_NUMBER[proto.dtype]
    if proto.tensor_content:
        return _little_endian(np.frombuffer(proto.tensor_content, numpy_dtype(dtype.name))).reshape(shape)
    values, size = _values(proto, dtype), math.prod(shape)
    if len(values) > size:
        raise ValueError(f"{len(values)} values do not fit shape {list(shape)}")
    if len(values) == 0:
        return np.full(shape, b"" if dtype.name == "string" else 0, numpy_dtype(dtype.name))
    return values[np.minimum(np.arange(size), len(values) - 1)].reshape(shape)


def _values(proto: Proto, dtype: DType) -> Array:
    raw, numpy_type = getattr(proto, dtype.values_field), numpy_dtype(dtype.name)
    if dtype.values_field == "half_val":  # sixteen bits of a float in each integer
        return np.array(raw, np.int64).astype(np.uint16).view(numpy_type)
    if dtype.name.startswith("complex"):  # real and imaginary parts alternate
        return np.array(raw, np.float64).view(np.complex128).astype(numpy_type)
    if dtype.values_field == "int_val":  # wraps like TensorFlow's own reader
        return np.array(raw, np.int64).astype(numpy_type)
    return np.array(raw, numpy_type)


def _little_endian(array: Array) -> Array:
    return array if sys.byteorder == "little" else array.byteswap()
