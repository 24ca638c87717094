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


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    """What the published stubs say, asked once: TensorFlow takes seconds to import."""
    question = {
        "request": _request().SerializeToString(deterministic=True).hex(),
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
