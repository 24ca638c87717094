"""Arrays to JSON."""

from __future__ import annotations

import json
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from perfgate.server.rest import encode
from perfgate.server.status import StatusError

_STRINGS = np.array([b"a", b"\xff"], object)


@pytest.mark.parametrize(
    ("outputs", "rows", "columns"),
    [
        ({"y": np.array([0.2, 1], np.float32)}, {"predictions": [0.2, 1.0]}, {"outputs": [0.2, 1.0]}),
        (
            {"y": np.array([1, 2]), "b": np.array([[True], [False]])},
            {"predictions": [{"b": [True], "y": 1}, {"b": [False], "y": 2}]},
            {"outputs": {"b": [[True], [False]], "y": [1, 2]}},
        ),
        (
            {"s_bytes": _STRINGS},
            {"predictions": [{"b64": "YQ=="}, {"b64": "/w=="}]},
            {"outputs": [{"b64": "YQ=="}, {"b64": "/w=="}]},
        ),
        ({"s": np.array([[b"a", "é".encode()]], object)}, {"predictions": [["a", "é"]]}, {"outputs": [["a", "é"]]}),
        ({"n_bytes": np.array([1], np.int32)}, {"predictions": [1]}, {"outputs": [1]}),
        ({"y": np.zeros((2, 0))}, {"predictions": [[], []]}, {"outputs": [[], []]}),
    ],
)
def test_rows_and_columns(outputs: dict[str, Any], rows: Any, columns: Any) -> None:
    assert json.loads(encode.write_rows(outputs)) == rows
    assert json.loads(encode.write_columns(outputs)) == columns


def test_a_scalar_is_a_column_only() -> None:
    assert json.loads(encode.write_columns({"y": np.float32(0.1)})) == {"outputs": 0.1}
    assert json.loads(encode.write_columns({"y": b"a\0"})) == {"outputs": "a\0"}
    with pytest.raises(StatusError, match="Tensor name: y has no shape information "):
        encode.write_rows({"y": np.float32(0.1)})


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"y": np.zeros(0)}, "Tensor name: y has invalid batch size: 0"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, "Tensor name: b has inconsistent batch size: 3 expecting: 2"),
        ({"y": np.zeros(2, np.float16)}, "Failed to write JSON value for tensor type: half"),
        ({"y": np.zeros(2, ml_dtypes.bfloat16)}, "Failed to write JSON value for tensor type: bfloat16"),
        ({"y": np.zeros(2, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
        ({"y": np.zeros(2, np.uint16)}, "Failed to write JSON value for tensor type: uint16"),
    ],
)
def test_what_cannot_be_written(outputs: dict[str, Any], words: str) -> None:
    with pytest.raises(StatusError) as refused:
        encode.write_rows(outputs)
    assert str(refused.value) == words


def test_numbers_that_are_none_have_names() -> None:
    array = np.array([np.nan, np.inf, -np.inf])
    for dtype in (np.float32, np.float64):
        assert encode.write_columns({"y": array.astype(dtype)}) == b'{"outputs":[NaN,Infinity,-Infinity]}'


def test_text_that_is_no_utf8_goes_out_as_its_bytes() -> None:
    assert encode.write_columns({"s": _STRINGS}) == b'{"outputs":["a","\xff"]}'


@given(arrays.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32, allow_nan=False)))
def test_floats_are_rounded_as_tf_serving_writes_them(array: np.ndarray) -> None:
    rounded = encode.decimals(array)
    np.testing.assert_array_equal(rounded.astype(np.float32), array)
    for value, written in zip(array, rounded, strict=True):
        short = float(f"{value:.6g}")
        assert written == (short if np.float32(short) == value else float(f"{value:.9g}"))


@given(arrays.arrays(np.float32, st.just(50), elements=st.floats(-1e6, 1e6, width=32)))
def test_many_ordinary_floats_are_rounded_the_same(array: np.ndarray) -> None:
    test_floats_are_rounded_as_tf_serving_writes_them.hypothesis.inner_test(array)  # type: ignore[attr-defined]
