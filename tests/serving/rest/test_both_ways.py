"""Round trips: answers read as requests, and perfgate's own requests."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from perfgate.model import tensors
from perfgate.model.dtypes import BY_NAME
from perfgate.model.messages import PredictRequest
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.rest import rest_form
from perfgate.server.rest import decode, encode
from perfgate.server.rest.text import parse
from perfgate.trials import Call

_NUMBERS = ("float32", "float64", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "bool")


def _strings(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))

    def filled(values: list[bytes]) -> np.ndarray:
        array = np.empty(size, object)
        array[:] = values
        return array.reshape(shape)

    text = st.text(max_size=3).map(str.encode) | st.binary(max_size=3)
    return st.lists(text, min_size=size, max_size=size).map(filled)


def _tensor(shape: tuple[int, ...], dtype: str) -> st.SearchStrategy[np.ndarray]:
    return _strings(shape) if dtype == "string" else arrays.arrays(np.dtype(dtype), shape)


@st.composite
def _inputs(draw: st.DrawFn) -> dict[str, tuple[str, np.ndarray]]:
    rows = draw(st.integers(1, 3))  # JSON cannot distinguish the shapes of empty arrays
    found = {}
    for name in draw(st.lists(st.sampled_from(["x", "y", "z_bytes", "b64"]), min_size=1, unique=True)):
        dtype = draw(st.sampled_from([*_NUMBERS, "string"]))
        shape = (rows, *draw(st.lists(st.integers(1, 2), max_size=2))) if draw(st.booleans()) else ()
        found[name] = (dtype, draw(_tensor(shape, dtype)))
    return found


def _listed(array: np.ndarray) -> tuple[tuple[int, ...], list[Any]]:
    return array.shape, [repr(value) for value in array.ravel().tolist()]


@pytest.mark.slow
@given(_inputs())
def test_the_requests_that_perfgate_sends_are_read_as_they_were(inputs: dict[str, tuple[str, np.ndarray]]) -> None:
    request = PredictRequest()
    for name, (dtype, array) in inputs.items():
        request.inputs[name].CopyFrom(tensors.encode(array, dtype))
    payload = RecordedPayload((Call(request.SerializeToString()),), (0,), ("",), "")
    document = parse(rest_form(payload).calls[0].body)
    read, _ = decode.read_request(document, {name: BY_NAME[dtype].number for name, (dtype, _) in inputs.items()})
    assert {name: _listed(array) for name, array in read.items()} == {
        name: _listed(array) for name, (_, array) in inputs.items()
    }


@given(st.sampled_from(_NUMBERS).flatmap(lambda dtype: _tensor((2, 3), dtype)))
def test_an_answer_is_read_as_it_was(array: np.ndarray) -> None:
    for written in (encode.write_rows({"y": array}), encode.write_columns({"y": array})):
        (value,) = parse(written).values()
        assert _listed(decode.to_array(value, BY_NAME[array.dtype.name].number)) == _listed(array)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_whole_numbers_that_an_answer_holds_can_be_sent_again(dtype: str) -> None:
    array = np.array([2.0**40], dtype)
    (value,) = json.loads(encode.write_columns({"y": array})).values()
    assert decode.to_array(value, BY_NAME[dtype].number).tolist() == array.tolist()
    assert decode.to_array([(1 << 60) + 1], BY_NAME[dtype].number).tolist() == [2.0**60]
