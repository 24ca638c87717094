from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.model.dtypes import BY_NAME
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.model.messages import ClassificationRequest, Example, ModelSpec, PredictRequest, Proto
from perfgate.model.tensors import Array, decode, numpy_dtype
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.json_file import json_calls
from perfgate.payload.record import payload_digest
from perfgate.payload.requests import examples_call, predict_call
from perfgate.payload.rest import _TYPES, rest_form
from perfgate.scenario.schema import Payload
from perfgate.server.rest.decode import read_request
from perfgate.server.rest.text import parse
from perfgate.trials import Call, Method


def _signature(arrays: dict[str, Array]) -> Signature:
    types = {name: "string" if array.dtype == object else array.dtype.name for name, array in arrays.items()}
    specs = tuple(TensorSpec(name, types[name], arrays[name].shape) for name in sorted(arrays))
    return Signature("rank", "tensorflow/serving/predict", specs, ())


def _rest(calls: Sequence[Call]) -> RecordedPayload:
    return rest_form(RecordedPayload(tuple(calls), tuple(range(len(calls))), ("",), ""))


def _text(**arrays: Array) -> str:
    return _rest([predict_call(_signature(arrays), arrays, "m", "")]).calls[0].body.decode()


def _strings(*values: bytes) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def test_inputs_of_equal_length_are_rows() -> None:
    text = _text(ids=np.array([[1, 2], [3, 4]]), country=_strings(b"DE", "é".encode()))
    assert text == (
        '{"signature_name": "rank", "instances": [{"country": "DE", "ids": [1, 2]}, {"country": "é", "ids": [3, 4]}]}'
    )


def test_the_rows_of_a_single_input_stand_alone() -> None:
    assert _text(x=np.array([[1.5], [2.0]], np.float32)) == '{"signature_name": "rank", "instances": [[1.5], [2.0]]}'


@pytest.mark.parametrize(
    ("arrays", "inputs"),
    [
        ({"a": np.array([1, 2]), "b": np.array([3])}, {"a": [1, 2], "b": [3]}),
        ({"a": np.array(1), "b": np.array([3])}, {"a": 1, "b": [3]}),
        ({"a": np.array(1, bool)}, True),
        ({"a": np.zeros((0, 2), np.int64)}, []),
        ({"b64": _strings(b"x").reshape(())}, "x"),
        ({"a": np.zeros(0, np.int64), "b": np.zeros((0, 2), np.int64)}, {"a": [], "b": []}),
    ],
)
def test_others_are_columns(arrays: dict[str, Array], inputs: Any) -> None:
    assert json.loads(_text(**arrays)) == {"signature_name": "rank", "inputs": inputs}


def test_an_inner_dimension_may_be_empty() -> None:
    assert json.loads(_text(a=np.zeros((2, 0, 3), np.int64)))["instances"] == [[], []]


def test_bytes_are_base64() -> None:
    assert json.loads(_text(image_bytes=_strings(b"ab")))["instances"] == [{"b64": "YWI="}]
    assert json.loads(_text(text=_strings(b"\xff", b'"')))["instances"] == [{"b64": "/w=="}, '"']


def test_floats_keep_a_point_and_few_digits() -> None:
    values = np.array([1, 0.1, -0.0, 1e-7, 3e38, 2**24, np.nan, np.inf, -np.inf], np.float32)
    assert _text(x=values).endswith("[1.0, 0.1, -0.0, 1e-07, 3e+38, 1.6777216e+07, NaN, Infinity, -Infinity]}")


@pytest.mark.parametrize("dtype", ["complex64", "bfloat16", "float16", "uint16"])
def test_what_rest_cannot_carry_is_refused(dtype: str) -> None:
    with pytest.raises(UsageError, match=f"input x is {dtype}, which REST cannot represent"):
        _text(x=np.zeros(1, numpy_dtype(dtype)))


def test_a_multi_inference_is_refused() -> None:
    with pytest.raises(UsageError, match="MultiInference cannot be sent over REST"):
        _rest([Call(b"", Method.MULTI_INFERENCE)])


def test_all_but_the_bodies_stays() -> None:
    call = predict_call(_signature({"x": np.array([1])}), {"x": np.array([1])}, "m", "")
    payload = RecordedPayload((call, Call(call.body, kind=1)), (1, 0), ("a", "b"), "")
    rest = rest_form(payload)
    assert (rest.order, rest.classes, [each.kind for each in rest.calls]) == ((1, 0), ("a", "b"), [0, 1])
    assert rest.digest == payload_digest(rest.calls, rest.order)


@st.composite
def _arrays(draw: st.DrawFn) -> dict[str, Array]:
    arrays = {}
    names = draw(st.lists(st.sampled_from(["a", "b_bytes", "ü", '"', "b64"]), min_size=1, max_size=3, unique=True))
    shared = draw(st.integers(0, 3))
    for name in names:
        shape = draw(st.sampled_from([(), (2,), (shared,), (shared, 2), (shared, 2, 1)]))
        dtype, size = draw(st.sampled_from(sorted(_TYPES))), int(np.prod(shape))
        if dtype == "string":
            values = draw(st.lists(st.binary(max_size=3), min_size=size, max_size=size))
            array = _strings(*values).reshape(shape)
        elif dtype == "bool":
            array = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool).reshape(shape)
        else:
            count = size * numpy_dtype(dtype).itemsize
            raw = draw(st.binary(min_size=count, max_size=count))
            array = np.frombuffer(raw, numpy_dtype(dtype)).reshape(shape)
        arrays[name] = array
    return arrays


def _bits(array: Array) -> Any:
    return array.tolist() if array.dtype.kind == "O" else np.nan_to_num(array, nan=7).tobytes()


@pytest.mark.slow
@given(_arrays())
@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_is_read_as_the_same_request(tmp_path: Path, arrays: dict[str, Array]) -> None:
    if any(array.size == 0 and array.ndim > 1 for array in arrays.values()):
        return  # JSON cannot tell [] of shape [0] from shape [0, 2]
    file = tmp_path / "r.json"
    file.write_text(_text(**arrays), encoding="utf-8")
    signature = _signature(arrays)
    model = Model(tmp_path, "M", 1, "", 0, (), (signature,), ())
    (call,) = json_calls(file, model, Payload(source="json", file="r.json"), "m")
    request = PredictRequest.FromString(call.body)
    assert {name: _bits(decode(proto)) for name, proto in request.inputs.items()} == {
        name: _bits(array) for name, array in arrays.items()
    }


@pytest.mark.slow
@given(_arrays())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_embedded_server_reads_the_same_arrays(arrays: dict[str, Array]) -> None:
    numbers = {
        name: BY_NAME["string" if array.dtype == object else array.dtype.name].number for name, array in arrays.items()
    }
    read, _ = read_request(parse(_text(**arrays).encode()), numbers)
    assert {name: _bits(array) for name, array in read.items()} == {name: _bits(arrays[name]) for name in arrays}
    assert all(array.size == 0 or array.shape == arrays[name].shape for name, array in read.items())


@pytest.mark.parametrize("with_context", [False, True])
def test_examples_come_back(
    tmp_path: Path, model: Model, make_example: Callable[[int], Proto], with_context: bool
) -> None:
    odd = Example()
    odd.features.feature["raw_bytes"].bytes_list.value.append(b"text")
    odd.features.feature["b"].bytes_list.value.append(b"\xff")
    odd.features.feature["f"].float_list.value.extend([1, 0.1, float("inf")])
    examples, context = [make_example(0), odd], make_example(1) if with_context else None
    call = examples_call(Method.CLASSIFY, "classify", examples, context, "m", "")
    (sent,) = _rest([call]).calls
    document = json.loads(sent.body)
    assert document["examples"][0] == {"country": ["DE"], "dense": [0.5], "ids": [0, 2]}
    assert document["examples"][1]["raw_bytes"] == [{"b64": "dGV4dA=="}]
    assert ("context" in document) is with_context
    (tmp_path / "r.json").write_bytes(sent.body)
    spec = Payload(source="json", file="r.json", signature="classify", method="classify")
    (back,) = json_calls(tmp_path / "r.json", model, spec, "m")
    assert ClassificationRequest.FromString(back.body) == ClassificationRequest.FromString(call.body)
    assert ClassificationRequest.FromString(call.body).model_spec == ModelSpec(name="m", signature_name="classify")
