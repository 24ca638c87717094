from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.model.dtypes import DTYPES
from perfgate.model.interface import Signature, TensorSpec
from perfgate.model.messages import PredictRequest
from perfgate.model.tensors import Array, decode, numpy_dtype
from perfgate.payload.random_requests import random_calls
from perfgate.scenario.schema import InputSpec, Payload

MakeSignature = Callable[..., Signature]


def _bodies(signature: Signature, spec: Payload, seed: int, **names: str) -> list[bytes]:
    return [call.body for call in random_calls(signature, spec, seed, **names)]


def _inputs(message: bytes) -> dict[str, Array]:
    return {name: decode(proto) for name, proto in PredictRequest.FromString(message).inputs.items()}


def test_requests_name_model_and_signature(make_signature: MakeSignature) -> None:
    signature = make_signature(x=("float32", (None,)))
    for name, arguments in {"default": {}, "prod": {"model_name": "prod"}}.items():
        payload = _bodies(signature, Payload(distinct=1), 0, **arguments)
        spec = PredictRequest.FromString(payload[0]).model_spec
        assert (spec.name, spec.signature_name, spec.HasField("version")) == (name, "rank", False)


def test_there_are_as_many_different_requests_as_asked(make_signature: MakeSignature) -> None:
    payload = _bodies(make_signature(x=("float32", (None, 2))), Payload(distinct=5, batch_size=3), 0)
    assert len(set(payload)) == len(payload) == 5
    assert all(_inputs(message)["x"].shape == (3, 2) for message in payload)


def test_the_seed_decides_every_byte(make_signature: MakeSignature) -> None:
    signature = make_signature(x=("int64", (None,)), s=("string", (None,)), c=("complex64", (2,)))
    first, again, other = (_bodies(signature, Payload(), seed) for seed in (7, 7, 8))
    assert first == again
    assert not set(first) & set(other)


def test_a_shared_input_carries_the_same_data_whatever_stands_beside_it(make_signature: MakeSignature) -> None:
    old = _bodies(make_signature(x=("float32", (None, 4)), z=("int64", (None,))), Payload(distinct=3), 1)
    new = _bodies(make_signature(a=("string", (None,)), x=("float32", (None, 4))), Payload(distinct=3), 1)
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(_inputs(one)["x"], _inputs(other)["x"])


def test_inputs_of_different_names_carry_different_data(make_signature: MakeSignature) -> None:
    payload = _bodies(make_signature(a=("int64", (None,)), b=("int64", (None,))), Payload(distinct=1), 1)
    inputs = _inputs(payload[0])
    assert inputs["a"].tolist() != inputs["b"].tolist()


def test_a_pattern_fills_what_an_exporter_numbers_with_the_same_data(make_signature: MakeSignature) -> None:
    spec = Payload(distinct=1, inputs={"x_*": InputSpec(low=0, high=1000), "x_7": InputSpec(low=5, high=6)})
    numbers = {"x_9": "x_20", "x_10": "x_100", "x_7": "x_7"}
    old, new = (
        _inputs(_bodies(make_signature(**dict.fromkeys(names, ("int64", (None,)))), spec, 1)[0])
        for names in (numbers.keys(), numbers.values())
    )
    assert all(old[before].tolist() == new[after].tolist() for before, after in numbers.items())
    assert old["x_9"].tolist() != old["x_10"].tolist()
    assert set(old["x_7"].tolist()) == {5}


def test_a_key_that_no_input_has_names_the_nearest_and_the_pattern_where_only_a_number_differs(
    make_signature: MakeSignature,
) -> None:
    signature = make_signature(keras_tensor_156=("float32", (None,)), ids=("int64", (None,)))
    numbered = 'did you mean keras_tensor_156? inputs: ids, keras_tensor_156; if only its number changes, write "{}*"'
    remedies = {
        "keras_tensor": numbered.format("keras_tensor"),
        "keras_tensor_2": numbered.format("keras_tensor"),
        "id": "did you mean ids? inputs: ids, keras_tensor_156",
    }
    for key, remedy in remedies.items():
        with pytest.raises(UsageError, match=f"signature rank has no input {key}") as raised:
            _bodies(signature, Payload(inputs={key: InputSpec()}), 0)
        assert raised.value.remedy == remedy
    with pytest.raises(UsageError, match=r"has no input y\*"):
        _bodies(signature, Payload(inputs={"y*": InputSpec()}), 0)


def test_the_bytes_stay_what_stored_records_were_measured_with(make_signature: MakeSignature) -> None:
    signature = make_signature(x=("int64", (None,)), s=("string", (None,)), f=("float32", (None,)))
    spec = Payload(distinct=2, batch_size=2)
    framed = b"".join(len(body).to_bytes(8, "little") + body for body in _bodies(signature, spec, 0))
    assert hashlib.sha256(framed).hexdigest() == "0530a7b12b6015c552f50ad0ad3fba834e9db05f581aab339540379f5b0848ee"


def test_classes_get_data_of_their_own(make_signature: MakeSignature) -> None:
    signature = make_signature(x=("int64", (None,)))
    alone, one, other = (_bodies(signature, Payload(), 0, class_name=name) for name in ("", "one", "other"))
    assert not set(alone) & set(one)
    assert not set(one) & set(other)


def test_a_method_that_takes_examples_has_no_random_ones(make_signature: MakeSignature) -> None:
    with pytest.raises(UsageError, match=r'"classify" sends tf.Examples, which cannot be random'):
        _bodies(make_signature(x=("string", (None,))), Payload(method="classify"), 0)


@st.composite
def _signatures(draw: st.DrawFn) -> Signature:
    names = draw(st.lists(st.text(min_size=1, max_size=5), unique=True, max_size=4))
    tensors = []
    for name in names:
        known = draw(st.lists(st.integers(0, 3), max_size=3))
        shape = (draw(st.sampled_from([None, 2])), *known)
        tensors.append(TensorSpec(name, draw(st.sampled_from([row.name for row in DTYPES])), shape))
    return Signature("serving_default", "tensorflow/serving/predict", tuple(tensors), ())


@pytest.mark.slow
@given(_signatures(), st.integers(1, 4), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_every_request_decodes_to_what_the_signature_asks(signature: Signature, batch: int, seed: int) -> None:
    payload = _bodies(signature, Payload(batch_size=batch, distinct=2), seed)
    for message in payload:
        inputs = _inputs(message)
        assert set(inputs) == {tensor.name for tensor in signature.inputs}
        for tensor in signature.inputs:
            first, *rest = tensor.shape or ()
            assert inputs[tensor.name].shape == (batch if first is None else first, *rest)
            assert inputs[tensor.name].dtype == numpy_dtype(tensor.dtype)


def test_settings_reach_their_input(make_signature: MakeSignature) -> None:
    signature = make_signature(country=("string", (None,)), ids=("int64", (None, None)))
    spec = Payload(inputs={"country": InputSpec(vocabulary=("de",)), "ids": InputSpec(shape=(3, 2), low=40, high=41)})
    inputs = _inputs(_bodies(signature, spec, 0)[0])
    assert inputs["country"].tolist() == [b"de"] * 8
    assert inputs["ids"].tolist() == [[40, 40]] * 3


@pytest.mark.parametrize(
    ("inputs", "remedy"),
    [
        ({"ids": ("int64", (None,)), "dense": ("float32", (None,))}, "did you mean dense? inputs: dense, ids"),
        ({}, "it has none"),
    ],
)
def test_an_input_that_the_signature_lacks_is_refused(
    make_signature: MakeSignature, inputs: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(UsageError, match="signature rank has no input dens") as caught:
        _bodies(make_signature(**inputs), Payload(inputs={"dens": InputSpec()}), 0)
    assert caught.value.remedy == remedy


@pytest.mark.parametrize("dtype", ["float32", "dtype 20"])
def test_a_request_that_no_message_holds_is_refused_before_it_is_drawn(
    make_signature: MakeSignature, dtype: str
) -> None:
    with pytest.raises(UsageError, match=r"input x of shape \[1000000, 100000\] takes [0-9,.]+ GiB"):
        _bodies(make_signature(x=(dtype, (1_000_000, 100_000))), Payload(), 0)


def test_all_inputs_that_need_a_shape_are_reported_at_once(make_signature: MakeSignature) -> None:
    many = make_signature(
        a=("float32", (None, 3)), b=("float32", (None, None)), c=("int64", None), d=("int64", (4, None))
    )
    with pytest.raises(UsageError, match=r"input b has shape .* unknown, and 2 other inputs likewise") as caught:
        _bodies(many, Payload(), 0)
    assert caught.value.remedy.endswith("`perfgate init MODEL` writes a scenario")
