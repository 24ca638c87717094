from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfgate.model import messages
from perfgate.model.dtypes import BY_NUMBER, DTYPES
from perfgate.model.tensors import Array, decode, encode, numpy_dtype

pytestmark = pytest.mark.live

_PROGRAM = Path(__file__).with_name("published_stubs.py")


def _example(dtype: str) -> Array:
    if dtype == "string":
        return np.array([[b"a", b"\x00\xff"], [b"", b"long" * 9]], object)
    if dtype == "bool":
        return np.array([[True, False], [False, True]])
    values = np.array([[1, 2], [100, 3]], np.complex128) * (0.5 - 2j if dtype.startswith("complex") else 1)
    return (values if dtype.startswith("complex") else values.real).astype(numpy_dtype(dtype))


def _request() -> messages.Proto:
    request = messages.PredictRequest(output_filter=["y"])
    request.model_spec.name, request.model_spec.signature_name = "default", "rank"
    request.model_spec.version.value = 3
    for name, dtype in {"ids": "int64", "country": "string", "dense": "float32"}.items():
        request.inputs[name].CopyFrom(encode(_example(dtype), dtype))
    return request


def _logs() -> list[messages.Proto]:
    """One log of each kind that is read, with every field set."""
    predict, classify, regress, multi = (messages.PredictionLog() for _ in range(4))
    predict.predict_log.request.CopyFrom(_request())
    predict.predict_log.response.outputs["y"].CopyFrom(encode(_example("float32"), "float32"))
    classify.classify_log.request.model_spec.version_label = "stable"
    example = classify.classify_log.request.input.example_list.examples.add()
    example.features.feature["ids"].int64_list.value.extend([1, -2])
    example.features.feature["dense"].float_list.value.extend([0.5, 2])
    example.features.feature["country"].bytes_list.value.extend([b"DE", b"\xff"])
    example.features.feature["none"].bytes_list.SetInParent()
    classes = classify.classify_log.response.result.classifications.add().classes
    classes.add(label="click", score=0.5)
    with_context = regress.regress_log.request.input.example_list_with_context
    with_context.examples.add().CopyFrom(example)
    with_context.context.CopyFrom(example)
    regress.regress_log.response.result.regressions.add(value=1.5)
    task = multi.multi_inference_log.request.tasks.add(method_name="tensorflow/serving/regress")
    task.model_spec.name = "default"
    multi.multi_inference_log.request.input.example_list.examples.add().CopyFrom(example)
    multi.multi_inference_log.response.results.add().regression_result.regressions.add(value=2)
    return [predict, classify, regress, multi]


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    """The published stubs' reading, requested once: TensorFlow takes seconds to import."""
    question = {
        "request": _request().SerializeToString(deterministic=True).hex(),
        "logs": [log.SerializeToString(deterministic=True).hex() for log in _logs()],
        "tensors": {row.name: encode(_example(row.name), row.name).SerializeToString().hex() for row in DTYPES},
    }
    done = subprocess.run(
        [sys.executable, str(_PROGRAM)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _fields(descriptor: Any) -> dict[str, list[Any]]:
    return {
        field.name: [
            field.number,
            field.type,
            field.message_type.name if field.message_type else None,
            _fields(field.message_type)["value"][2]
            if field.message_type and field.message_type.GetOptions().map_entry
            else None,
            field.is_repeated,
            field.containing_oneof is not None,
        ]
        for field in descriptor.fields
    }


@pytest.mark.parametrize("name", [name for name in messages._SCHEMA if name != "Int64Value"])
def test_fields_are_the_published_ones(answer: dict[str, Any], name: str) -> None:
    ours, theirs = _fields(messages._class(name).DESCRIPTOR), answer["fields"][name]
    assert ours == {field: theirs.get(field) for field in ours}


def test_a_request_is_the_same_bytes_in_both(answer: dict[str, Any]) -> None:
    assert answer["request"] == _request().SerializeToString(deterministic=True).hex()
    assert answer["model"] == ["default", 3, "rank"]
    assert answer["inputs"]["dense"] == ["1.0", "2.0", "100.0", "3.0"]
    assert answer["inputs"]["ids"] == ["1", "2", "100", "3"]
    assert answer["inputs"]["country"] == [repr(value) for value in _example("string").ravel()]


def test_logs_are_the_same_bytes_in_both(answer: dict[str, Any]) -> None:
    assert answer["logs"] == [log.SerializeToString(deterministic=True).hex() for log in _logs()]
    assert answer["log_types"] == [log.WhichOneof("choice") for log in _logs()]
    assert answer["log_types"] == ["predict_log", "classify_log", "regress_log", "multi_inference_log"]


@pytest.mark.parametrize("row", DTYPES, ids=lambda row: row.name)
def test_tensorflow_reads_what_we_write_and_the_reverse(answer: dict[str, Any], row: Any) -> None:
    assert BY_NUMBER[answer["dtypes"][row.name]] is row
    example = _example(row.name)
    assert answer["tensors"][row.name] == [[2, 2], [repr(value) for value in example.ravel().tolist()]]
    theirs = messages.TensorProto.FromString(bytes.fromhex(answer["one_by_one"][row.name]))
    assert not theirs.tensor_content
    assert len(getattr(theirs, row.values_field)) in {4, 8}
    np.testing.assert_array_equal(decode(theirs), example, strict=True)


def test_numpy_types_are_tensorflows(answer: dict[str, Any]) -> None:
    assert answer["numpy"] == {row.name: str(numpy_dtype(row.name)) for row in DTYPES if row.name != "string"}
