"""TensorProto to array and back, bypassing TensorFlow's slow general path if the bytes already are the array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from tensorflow.core.framework.tensor_pb2 import TensorProto

from perfgate.model import dtypes
from perfgate.model import tensors as general
from perfgate.server.tensorflow_parts import dtypes as tensorflow_dtypes
from perfgate.server.tensorflow_parts import make_ndarray, make_tensor_proto

MAX_TENSOR_BYTES = 1 << 30
MAX_EXPANDED_BYTES = 64 << 20
"""Limit of a tensor that is declared larger than its contents: the last value fills the rest."""

_STRING = 7
_STRING_BYTES = 32  # a pointer in numpy's array, 24 bytes in TensorFlow's
_NUMBERS = {general.numpy_dtype(one.name): one.number for one in dtypes.DTYPES if one.name != "string"}
_NUMPY = {one.number: general.numpy_dtype(one.name) for one in dtypes.DTYPES}


class BadTensorError(ValueError):
    """The message does not describe a tensor."""


def decode(proto: TensorProto) -> np.ndarray:
    """Read a TensorProto; BadTensorError if shape, dtype and contents disagree.

    `np.frombuffer` on `tensor_content` takes 0.5 µs, `tf.make_ndarray` 7 µs.
    """
    layout = proto.tensor_shape
    shape = [dim.size for dim in layout.dim]
    if layout.unknown_rank or min(shape, default=0) < 0:
        raise BadTensorError(f"tensor shape {shape} is not fully known")
    dtype, content = _NUMPY.get(proto.dtype), proto.tensor_content
    if content and dtype is not None and proto.dtype != _STRING:  # as large as its contents, whatever it declares
        try:
            return np.frombuffer(content, dtype).reshape(shape)
        except ValueError as error:
            raise BadTensorError(str(error)) from error
    return _decode_values(proto, dtype, shape)


def _decode_values(proto: TensorProto, dtype: np.dtype[Any] | None, shape: list[int]) -> np.ndarray:
    size = math.prod(shape)
    item_bytes = _STRING_BYTES if proto.dtype == _STRING or dtype is None else dtype.itemsize
    if size * item_bytes > MAX_TENSOR_BYTES:
        raise BadTensorError(f"tensor of shape {shape} is larger than {MAX_TENSOR_BYTES >> 20} MiB")
    try:
        if dtype is None:
            return _of_rare_type(proto)
        if proto.dtype == _STRING and len(proto.string_val) == size:
            return np.array(list(proto.string_val), object).reshape(shape)
        _require_modest(proto, shape, size * item_bytes)
        return general.decode(proto)
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise BadTensorError(str(error)) from error


def _require_modest(proto: TensorProto, shape: list[int], bytes_declared: int) -> None:
    """Reject a few bytes that request a lot of memory."""
    if bytes_declared <= MAX_EXPANDED_BYTES:
        return
    given = len(getattr(proto, dtypes.BY_NUMBER[proto.dtype].values_field))
    if given < math.prod(shape):
        few = f"{given} values and larger than {MAX_EXPANDED_BYTES >> 20} MiB"
        raise BadTensorError(f"tensor of shape {shape} is given by {few}")


def _of_rare_type(proto: TensorProto) -> np.ndarray:
    """Read a quantised type, which only TensorFlow knows."""
    array: np.ndarray = make_ndarray(proto)
    return array


def encode(array: np.ndarray) -> TensorProto:
    """Write a TensorProto: numbers as `tensor_content`, strings as `string_val`."""
    proto = TensorProto()
    encode_into(proto, np.asarray(array))
    return proto


def encode_into(proto: TensorProto, array: np.ndarray) -> None:
    """Write into an empty TensorProto, which may be part of a larger message."""
    number = _NUMBERS.get(array.dtype)
    if number is None:  # strings, and types that only TensorFlow knows
        dtype = tensorflow_dtypes.string if array.dtype.kind in "OSU" else None
        proto.CopyFrom(make_tensor_proto(array, dtype=dtype, shape=array.shape))
        return
    proto.dtype, proto.tensor_content = number, array.tobytes()
    add = proto.tensor_shape.dim.add
    for size in array.shape:
        add(size=size)
    if not array.shape:
        proto.tensor_shape.SetInParent()
