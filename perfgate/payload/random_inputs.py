"""Random values for one input, of every data type that TensorFlow serves."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np

from perfgate import formatting
from perfgate.errors import UsageError
from perfgate.model.dtypes import BY_NAME
from perfgate.model.interface import TensorSpec
from perfgate.model.tensors import Array, numpy_dtype
from perfgate.payload.shapes import remedy
from perfgate.payload.zipf import LARGEST_RANGE, zipf_ranks
from perfgate.scenario.schema import InputSpec

_LOW = 0.0
_HIGH_INTEGER = 128.0  # fits every integer type
_HIGH_FLOAT = 1.0
_OF_INTEGERS = {"low", "high", "distribution", "exponent"}
_LETTERS = np.frombuffer(string.ascii_letters.encode(), np.uint8)


def random_array(tensor: TensorSpec, shape: tuple[int, ...], given: InputSpec, generator: np.random.Generator) -> Array:
    """Draw an array of the tensor's dtype; strings are `bytes` objects.

    Integers are uniform in [low, high), by default [0, 128), or follow Zipf's law with low the most frequent; floats
    and both parts of complex numbers are uniform in [low, high), standard normal if neither is given; strings come from
    the vocabulary, or are ASCII letters of a length that is uniform within its bounds. UsageError for a type that
    cannot be filled, an impossible range, or a setting that the type does not take.
    """
    fill, settings = _filler(tensor)
    stray = {key for key, value in given if value is not None} & given.model_fields_set - settings - {"shape"}
    if stray:
        takes = ", ".join(sorted(settings | {"shape"}))
        raise UsageError(
            f"input {tensor.name} is {tensor.dtype}: {', '.join(sorted(stray))} does not apply",
            f"under payload.inputs.{tensor.name} it takes {takes}",
        )
    return fill(tensor, shape, given, generator)


_Fill = Callable[[TensorSpec, tuple[int, ...], InputSpec, np.random.Generator], Array]


def _filler(tensor: TensorSpec) -> tuple[_Fill, set[str]]:
    """Return the function that fills a type, and the settings that it takes."""
    if tensor.dtype not in BY_NAME:
        raise UsageError(
            f"input {tensor.name} has {tensor.dtype}, which cannot be filled with random values",
            "choose a payload.signature without it",
        )
    if tensor.dtype == "string":
        return _strings, {"vocabulary", "length"}
    if tensor.dtype == "bool":
        return _booleans, set()
    if tensor.dtype.startswith("complex"):
        return _complex, {"low", "high"}
    return (_floats, {"low", "high"}) if "float" in tensor.dtype else (_integers, _OF_INTEGERS)


def _booleans(_: TensorSpec, shape: tuple[int, ...], __: InputSpec, generator: np.random.Generator) -> Array:
    return np.asarray(generator.integers(0, 2, shape, np.bool_))


def _integers(tensor: TensorSpec, shape: tuple[int, ...], given: InputSpec, generator: np.random.Generator) -> Array:
    dtype = numpy_dtype(tensor.dtype)
    bounds = np.iinfo(dtype)
    low, high = _range(tensor, given, _HIGH_INTEGER)
    first, end = math.ceil(low), math.ceil(high)
    if not bounds.min <= first < end <= bounds.max + 1:
        _refuse(tensor, low, high, f"{bounds.min} … {bounds.max}")
    if given.distribution == "zipf":
        return _zipf(tensor, shape, range(first, end), given.exponent, generator)
    if "exponent" in given.model_fields_set:
        raise UsageError(
            f"input {tensor.name}: exponent is only for zipf", remedy(tensor.name, 'distribution = "zipf"')
        )
    return np.asarray(generator.integers(first, end, shape, dtype))


def _zipf(
    tensor: TensorSpec, shape: tuple[int, ...], values: range, exponent: float, generator: np.random.Generator
) -> Array:
    count = values.stop - values.start  # a range of more than 2 ** 63 has no len()
    if count > LARGEST_RANGE:
        problem = f"input {tensor.name}: zipf takes at most 2 ** 53 different values, not {count}"
        raise UsageError(problem, remedy(tensor.name, "low = ? and high = ?"))
    wide = np.uint64 if values.start >= 0 else np.int64
    ranks = zipf_ranks(math.prod(shape), count, exponent, generator)
    return np.asarray((ranks - 1).astype(wide) + wide(values.start)).astype(numpy_dtype(tensor.dtype)).reshape(shape)


def _floats(tensor: TensorSpec, shape: tuple[int, ...], given: InputSpec, generator: np.random.Generator) -> Array:
    return _reals(tensor, numpy_dtype(tensor.dtype), shape, given, generator)


def _complex(tensor: TensorSpec, shape: tuple[int, ...], given: InputSpec, generator: np.random.Generator) -> Array:
    whole = numpy_dtype(tensor.dtype)
    part = np.dtype(np.float32 if whole == np.complex64 else np.float64)
    real, imaginary = (_reals(tensor, part, shape, given, generator) for _ in range(2))
    return np.asarray(real + 1j * imaginary, whole)


def _reals(
    tensor: TensorSpec,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    given: InputSpec,
    generator: np.random.Generator,
) -> Array:
    if given.low is None and given.high is None:
        return np.asarray(generator.standard_normal(shape), dtype)
    low, high = _range(tensor, given, _HIGH_FLOAT)
    largest = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]  # it has no annotations
    if max(-low, high) > largest:
        _refuse(tensor, low, high, f"±{formatting.given(largest)}")
    values = np.asarray(generator.uniform(low, high, shape))
    reached = values.astype(dtype).astype(np.float64) >= high  # by rounding: high itself is excluded
    return np.asarray(np.where(reached, low, values), dtype)


def _range(tensor: TensorSpec, given: InputSpec, default_high: float) -> tuple[float, float]:
    low = _LOW if given.low is None else given.low
    high = default_high if given.high is None else given.high
    if not (low < high and math.isfinite(high - low)):
        _refuse(tensor, low, high, "low below high, both finite")
    return low, high


def _refuse(tensor: TensorSpec, low: float, high: float, possible: str) -> None:
    raise UsageError(
        f"input {tensor.name} is {tensor.dtype}: no values from {formatting.given(low)} to below "
        f"{formatting.given(high)} (possible: {possible})",
        remedy(tensor.name, "low = ? and high = ?"),
    )


def _strings(tensor: TensorSpec, shape: tuple[int, ...], given: InputSpec, generator: np.random.Generator) -> Array:
    if given.vocabulary is not None:
        if not given.vocabulary:
            raise UsageError(f"input {tensor.name}: the vocabulary is empty", "list strings, or remove vocabulary")
        words = np.array([word.encode() for word in given.vocabulary], object)
        return np.asarray(words[generator.integers(0, len(words), shape)], object)
    count = math.prod(shape)
    if isinstance(given.length, int):
        ends = np.arange(1, count + 1) * given.length
    else:
        shortest, longest = given.length
        ends = np.cumsum(generator.integers(shortest, longest, count, endpoint=True))
    letters = _LETTERS[generator.integers(0, len(_LETTERS), ends[-1] if count else 0)].tobytes()
    words = np.empty(count, object)
    words[:] = [letters[start:end] for start, end in pairwise((0, *ends.tolist()))]
    return words.reshape(shape)
