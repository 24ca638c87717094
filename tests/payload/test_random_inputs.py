from __future__ import annotations

import math
import string
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.model.dtypes import DTYPES
from perfgate.model.interface import TensorSpec
from perfgate.model.tensors import Array, numpy_dtype
from perfgate.payload.random_inputs import random_array
from perfgate.scenario.schema import InputSpec

_INTEGERS = [row.name for row in DTYPES if "int" in row.name]
_FLOATS = [row.name for row in DTYPES if "float" in row.name]
_COMPLEX = [row.name for row in DTYPES if row.name.startswith("complex")]


def _drawn(dtype: str, shape: tuple[int, ...] = (1000,), seed: int = 1, **settings: Any) -> Array:
    tensor = TensorSpec("x", dtype, shape)
    return random_array(tensor, shape, InputSpec(**settings), np.random.Generator(np.random.PCG64(seed)))


@given(
    st.sampled_from([row.name for row in DTYPES]),
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
    st.integers(0, 2**64),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_every_type_and_shape_is_filled_and_drawn_again(dtype: str, shape: tuple[int, ...], seed: int) -> None:
    array = _drawn(dtype, shape, seed)
    assert (array.dtype, array.shape) == (numpy_dtype(dtype), shape)
    assert array.tolist() == _drawn(dtype, shape, seed).tolist()


@pytest.mark.parametrize("dtype", _INTEGERS)
def test_integers_span_their_default_range(dtype: str) -> None:
    array = _drawn(dtype)
    assert (array.min(), array.max()) == (0, 127)


@pytest.mark.parametrize(
    ("dtype", "low", "high", "values"),
    [
        ("int64", 5, 8, {5, 6, 7}),
        ("int8", -3, 0, {-3, -2, -1}),
        ("uint8", 254, 256, {254, 255}),
        ("int8", -128, -127, {-128}),
        ("int32", 0.5, 2.5, {1, 2}),
        ("int32", None, 2, {0, 1}),
        ("int32", 126, None, {126, 127}),
        ("uint64", 2.0**64 - 2048, 2.0**64, None),
        ("int64", -(2.0**63), 2.0**63, None),
    ],
)
def test_integers_stay_in_their_half_open_range(
    dtype: str, low: float | None, high: float | None, values: set[int] | None
) -> None:
    array = _drawn(dtype, low=low, high=high)
    if values is not None:
        assert set(array.tolist()) == values
    else:
        assert low is not None
        assert len(set(array.tolist())) > 100
        assert array.min() >= low


@pytest.mark.parametrize("dtype", [*_FLOATS, *_COMPLEX])
def test_floats_are_standard_normal_by_default(dtype: str) -> None:
    array = _drawn(dtype)
    for part in (array.real, array.imag) if dtype in _COMPLEX else (array,):
        values = part.astype(np.float64)
        assert abs(values.mean()) < 0.15
        assert abs(values.std() - 1) < 0.1


@pytest.mark.parametrize("dtype", [*_FLOATS, *_COMPLEX])
@pytest.mark.parametrize(("low", "high"), [(-2.0, 3.0), (0.0, 1.0), (1.0, 1.25)])
def test_floats_are_uniform_in_a_half_open_range(dtype: str, low: float, high: float) -> None:
    array = _drawn(dtype, low=low, high=high)
    for part in (array.real, array.imag) if dtype in _COMPLEX else (array,):
        values = part.astype(np.float64)
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.2 * (high - low) < values.max() < high


def test_half_a_range_is_completed() -> None:
    assert 0 <= _drawn("float32", high=0.5).min() < _drawn("float32", high=0.5).max() < 0.5
    assert 0.5 <= _drawn("float32", low=0.5).min() < _drawn("float32", low=0.5).max() < 1


def test_the_parts_of_a_complex_number_are_independent() -> None:
    array = _drawn("complex128")
    assert abs(np.corrcoef(array.real, array.imag)[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("int8", 0, 129),
        ("uint8", -1, 5),
        ("int32", 200, None),
        ("int32", 1.2, 1.8),  # no integer in between
        ("int32", None, -5),
        ("float32", 2, None),
        ("float32", 0, 1e39),
        ("float16", 0, 70000),
        ("bfloat16", -1e39, 0),
        ("float64", -1.7e308, 1.7e308),  # the width overflows
        ("complex64", 0, 1e39),
    ],
)
def test_an_impossible_range_is_refused(dtype: str, low: float, high: float) -> None:
    with pytest.raises(UsageError, match=f"input x is {dtype}: no values from") as caught:
        _drawn(dtype, low=low, high=high)
    assert "low = ? and high = ?" in caught.value.remedy


def test_the_whole_range_of_a_type_is_possible() -> None:
    largest = float(ml_dtypes.finfo(np.float16).max)  # type: ignore[no-untyped-call]  # it has no annotations
    assert np.isfinite(_drawn("float16", low=-largest, high=largest)).all()


def test_booleans_are_both() -> None:
    assert 400 < _drawn("bool").sum() < 600


def test_strings_are_letters_of_the_asked_length() -> None:
    assert {len(value) for value in _drawn("string").tolist()} == {8}
    values = _drawn("string", length=3).tolist()
    assert {len(value) for value in values} == {3}
    assert {chr(byte) for value in values for byte in value} == set(string.ascii_letters)
    assert set(_drawn("string", length=0).tolist()) == {b""}


def test_lengths_of_strings_are_uniform_within_their_bounds() -> None:
    lengths = [len(value) for value in _drawn("string", (9000,), length=(2, 4)).tolist()]
    assert {size: abs(lengths.count(size) - 3000) < 200 for size in set(lengths)} == {2: True, 3: True, 4: True}
    assert _drawn("string", (0,), length=(2, 4)).shape == (0,)
    assert {len(value) for value in _drawn("string", length=(3, 3)).tolist()} == {3}


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("int64", 100, 200), ("int8", -128, 128), ("uint64", 2.0**63, 2.0**63 + 4096)]
)
def test_zipf_makes_low_the_most_frequent(dtype: str, low: float, high: float) -> None:
    array = _drawn(dtype, (5000,), low=low, high=high, distribution="zipf", exponent=1.2)
    values, counts = np.unique(array, return_counts=True)
    assert array.dtype == numpy_dtype(dtype)
    assert (int(values[0]), int(counts.argmax())) == (int(low), 0)
    assert int(values.max()) < int(high)


def test_zipf_takes_a_range_of_a_hundred_million_ids() -> None:
    array = _drawn("int64", (10_000,), low=0, high=1e8, distribution="zipf")
    assert array.max() > 1e7
    assert abs((array == 0).mean() - 1 / (math.log(1e8) + np.euler_gamma)) < 0.01


def test_strings_come_from_the_vocabulary() -> None:
    assert set(_drawn("string", vocabulary=("de", "é", "")).tolist()) == {b"de", "é".encode(), b""}
    assert _drawn("string", (), vocabulary=("de",)).tolist() == b"de"


@pytest.mark.parametrize(
    ("dtype", "settings", "problem"),
    [
        ("string", {"vocabulary": ()}, "the vocabulary is empty"),
        ("string", {"low": 1, "high": 2}, "string: high, low does not apply"),
        ("int64", {"vocabulary": ("a",)}, "int64: vocabulary does not apply"),
        ("float32", {"length": 3}, "float32: length does not apply"),
        ("bool", {"low": 0}, "bool: low does not apply"),
        ("float32", {"distribution": "zipf"}, "float32: distribution does not apply"),
        ("string", {"distribution": "zipf", "exponent": 1.1}, "string: distribution, exponent does not apply"),
        ("int64", {"exponent": 1.1}, "input x: exponent is only for zipf"),
        ("int64", {"distribution": "zipf", "low": -(2.0**63), "high": 2.0**63}, r"at most 2 \*\* 53 different values"),
        ("dtype 20", {}, "cannot be filled with random values"),
    ],
)
def test_settings_that_a_type_does_not_take_are_refused(dtype: str, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        _drawn(dtype, **settings)
