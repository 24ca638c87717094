"""Arrays to JSON, with the rules and messages of TF-Serving's `json_tensor.cc`."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from perfgate.server.rest.decode import Array
from perfgate.server.rest.text import dump
from perfgate.server.status import invalid

_FLOAT32 = struct.Struct("f")
_FEW = 32
"""Up to this number of floats, rounding them one by one is faster."""
_AS_THEY_ARE = {*map(np.dtype, ("bool", "uint8", "int8", "int16", "int32", "int64", "uint32", "uint64", "float64"))}


def write_rows(outputs: Mapping[str, Any]) -> bytes:
    """Write `{"predictions": […]}`; all outputs must have the same number of rows."""
    arrays = {name: _as_array(value) for name, value in sorted(outputs.items())}
    batch = 0
    for name, array in arrays.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if len(array) < 1:
            raise invalid(f"Tensor name: {name} has invalid batch size: {len(array)}")
        if batch not in {0, len(array)}:
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch}")
        batch = len(array)
    columns = [_to_values(name, array) for name, array in arrays.items()]
    if len(columns) == 1:
        return dump({"predictions": columns[0]})
    return dump({"predictions": [dict(zip(arrays, row, strict=True)) for row in zip(*columns, strict=True)]})


def write_columns(outputs: Mapping[str, Any]) -> bytes:
    """Write `{"outputs": …}`."""
    columns = {name: _to_values(name, _as_array(value)) for name, value in sorted(outputs.items())}
    return dump({"outputs": next(iter(columns.values())) if len(columns) == 1 else columns})


def _as_array(value: Any) -> Array:
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)  # bytes would lose a trailing NUL


def _to_values(name: str, array: Array) -> Any:
    if array.dtype.kind in "OSU":
        write: Callable[[bytes], Any] = _to_b64 if name.endswith("_bytes") else _to_text
        flat = np.empty(array.size, object)
        flat[:] = [write(value) for value in array.ravel().tolist()]
        return flat.reshape(array.shape).tolist()
    if array.dtype == np.float32:
        return decimals(array).tolist()
    if array.dtype not in _AS_THEY_ARE:
        name_of = {"float16": "half"}.get(array.dtype.name, array.dtype.name)
        raise invalid(f"Failed to write JSON value for tensor type: {name_of}")
    return array.tolist()


def _to_text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _to_b64(value: bytes | str) -> dict[str, str]:
    raw = value.encode() if isinstance(value, str) else value
    return {"b64": base64.b64encode(raw).decode()}


def decimals(array: Array) -> Array:
    """Round floats to the decimals that TF-Serving writes: six digits if they read back exactly, else nine.

    In doubles, so that 0.2 is not written as 0.20000000298023224.
    """
    if array.size <= _FEW:
        return np.array([_decimal(value) for value in array.ravel().tolist()], np.float64).reshape(array.shape)
    wide = array.astype(np.float64)
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log10(np.abs(wide)))
        nine = _rounded(wide, 8 - exponent)
        six = _rounded(wide, 5 - exponent)
        rounded = np.where(six.astype(np.float32) == array, six, nine)
        good = (rounded.astype(np.float32) == array) & (np.abs(exponent) < 14)
    odd = np.flatnonzero(~good.ravel() & np.isfinite(array).ravel() & (array != 0).ravel())
    result = np.where(good, rounded, wide)
    result.ravel()[odd] = [_decimal(value) for value in array.ravel()[odd].tolist()]
    return result


def _rounded(wide: Array, places: Array) -> Array:
    """Round to decimal places; powers of ten and whole numbers are exact, so the quotient is the nearest double."""
    up, down = np.power(10.0, np.maximum(places, 0)), np.power(10.0, np.maximum(-places, 0))
    rounded: Array = np.rint(wide * up / down) / up * down
    return rounded


def _decimal(value: float) -> float:
    short = float(f"{value:.6g}")
    return short if _as_float32(short) == value or math.isnan(value) else float(f"{value:.9g}")


def _as_float32(value: float) -> float:
    try:
        return float(_FLOAT32.unpack(_FLOAT32.pack(value))[0])
    except OverflowError:  # rounded up beyond the largest finite value
        return float("inf")
