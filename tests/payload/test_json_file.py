from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfgate.errors import UsageError
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.model.messages import ClassificationRequest, PredictRequest
from perfgate.model.tensors import Array, decode
from perfgate.payload.json_file import json_calls
from perfgate.scenario.schema import Payload
from perfgate.trials import Call, Method

ROWS = {"instances": [{"ids": [1, 2], "country": "DE"}, {"ids": [3, 4], "country": {"b64": "/w=="}}]}
COLUMNS = {"inputs": {"ids": [[1, 2], [3, 4]], "country": ["DE", {"b64": "/w=="}]}}


def _calls(file: Path, model: Model, signature: str = "rank", **settings: Any) -> list[Call]:
    return list(
        json_calls(file, model, Payload(source="json", file=str(file), signature=signature, **settings), "ours")
    )


def _inputs(call: Call) -> dict[str, Array]:
    request = PredictRequest.FromString(call.body)
    assert request.model_spec.name == "ours"
    return {name: decode(proto) for name, proto in request.inputs.items()}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        file = tmp_path / "r.json"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return file

    return write


@pytest.mark.parametrize("request_", [ROWS, COLUMNS], ids=["rows", "columns"])
def test_rows_and_columns_say_the_same(model: Model, written: Callable[[Any], Path], request_: Any) -> None:
    (call,) = _calls(written(request_), model)
    inputs = _inputs(call)
    assert inputs["ids"].tolist() == [[1, 2], [3, 4]]
    assert inputs["country"].tolist() == [b"DE", b"\xff"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([ROWS, COLUMNS]),
        json.dumps([ROWS, COLUMNS], indent=1),
        f"{json.dumps(ROWS)}\n{json.dumps(COLUMNS)}\n",
        f"\n{json.dumps(ROWS)}\n\n  \n{json.dumps(COLUMNS)}",
    ],
)
def test_an_array_and_lines_are_several_requests(model: Model, written: Callable[[Any], Path], content: str) -> None:
    file = written(content.encode())
    assert len({call.body for call in _calls(file, model)}) == 1
    assert (len(_calls(file, model)), len(_calls(file, model, distinct=1))) == (2, 1)


def test_a_single_input_needs_no_name(model: Model, written: Callable[[Any], Path]) -> None:
    for request in (
        {"instances": ["a", {"b64": "Yg=="}]},
        {"inputs": ["a", "b"]},
        {"inputs": {"examples": ["a", "b"]}},
    ):
        (call,) = _calls(written(request | {"signature_name": "text"}), model)
        assert _inputs(call)["examples"].tolist() == [b"a", b"b"]
        assert PredictRequest.FromString(call.body).model_spec.signature_name == "text"


def test_classify_takes_examples(model: Model, written: Callable[[Any], Path]) -> None:
    row = {"a": 1, "b": [1.5, 2.0], "c": ["x", {"b64": "/w=="}], "d": True, "e": []}
    request = {"examples": [row, {}], "context": {"a": 2}}
    (call,) = _calls(written(request), model, "classify", method="classify")
    sent = ClassificationRequest.FromString(call.body)
    given = sent.input.example_list_with_context
    feature = given.examples[0].features.feature
    assert (call.method, sent.model_spec.signature_name, len(given.examples)) == (Method.CLASSIFY, "classify", 2)
    assert feature["a"].int64_list.value == [1]
    assert feature["b"].float_list.value == [1.5, 2]
    assert feature["c"].bytes_list.value == [b"x", b"\xff"]
    assert feature["d"].int64_list.value == [1]
    assert feature["e"].WhichOneof("choice") is None
    assert given.context.features.feature["a"].int64_list.value == [2]


def _dtype_model(model: Model, dtype: str) -> Model:
    inputs = (TensorSpec("x", dtype, (None,)),)
    return Model(model.path, "M", 1, "", 0, (), (Signature("s", "tensorflow/serving/predict", inputs, ()),), ())


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        ("float32", "[1, 0.1, NaN, -Infinity]", "[1.0, 0.10000000149011612, nan, -inf]"),
        ("float16", "[0.1]", "[0.0999755859375]"),
        ("bfloat16", "[0.1]", "[0.10009765625]"),
        ("uint64", "[18446744073709551615]", "[18446744073709551615]"),
        ("int8", "[-128, 127]", "[-128, 127]"),
        ("bool", "[true, false]", "[True, False]"),
        ("string", '["\\u00e9"]', repr(["é".encode()])),
        ("int64", "[]", "[]"),
    ],
)
def test_values_become_the_signatures_type(
    model: Model, written: Callable[[Any], Path], dtype: str, values: str, expected: str
) -> None:
    (call,) = _calls(written(f'{{"inputs": {values}}}'.encode()), _dtype_model(model, dtype), "s")
    assert (repr(_inputs(call)["x"].tolist()), _inputs(call)["x"].dtype.name.replace("object", "string")) == (
        expected,
        dtype,
    )


@pytest.mark.parametrize(
    ("dtype", "values", "problem"),
    [
        ("int32", "[1.0]", "input x is int32, but 1.0 is not"),
        ("int32", "[true]", "input x is int32, but True is not"),
        ("int8", "[128]", "a number is outside int8's range"),
        ("uint8", "[-1]", "a number is outside uint8's range"),
        ("float32", '["1"]', "input x is float32, but '1' is not"),
        ("float32", "[1e39]", "a number is outside float32's range"),
        ("float32", f"[{'9' * 400}]", "a number is outside float32's range"),
        ("float32", "[null]", "input x is float32, but None is not"),
        ("bool", "[1]", "input x is bool, but 1 is not"),
        ("string", "[1]", "input x is string, but 1 is not"),
        ("string", '[{"b64": "?"}]', "is not base64"),
        ("string", '[{"b65": "aa"}]', "input x is string, but {'b65': 'aa'} is not"),
        ("string", '["\\ud800"]', "unpaired surrogate"),
        ("complex64", "[1]", "input x is complex64, which JSON cannot represent"),
        ("int64", "[[1], 2]", "has rows of different lengths"),
        ("int64", "[[1], [2, 3]]", "has rows of different lengths"),
        ("int64", "[1, [2]]", "has rows of different lengths"),
        ("int64", f"{'[' * 65}{']' * 65}", "has more than 64 dimensions"),
    ],
)
def test_values_that_are_not_of_the_type_are_refused(
    model: Model, written: Callable[[Any], Path], dtype: str, values: str, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        _calls(written(f'{{"inputs": {{"x": {values}}}}}'.encode()), _dtype_model(model, dtype), "s")
    assert caught.value.problem.partition("r.json: line 1: ")[2]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "r.json is empty: it contains no requests"),
        (b"\n \n", "r.json is empty: it contains no requests"),
        (b"[]", "r.json is empty: it contains no requests"),
        (b"nonsense", "r.json: invalid JSON at column 1: Expecting value"),
        (b'{"inputs": ', "r.json: invalid JSON at column 12"),
        (b'{"a": 1}\n{', "r.json: line 1 has neither instances nor inputs"),
        (json.dumps(ROWS).encode() + b"\n{", "r.json: line 2: invalid JSON at column 2"),
        (b"\xff\xfe\xfd", "r.json: not UTF-8 at byte 0"),
        (b"[1]", "r.json: request 1 is not an object"),
        (b"[1]\n[2]", "r.json: invalid JSON at line 2 column 1: Extra data"),
        (b"\n\n[1,\n2", "r.json: invalid JSON at line 4 column 2"),
        (b"null", "r.json is not an object"),
        (b"3", "r.json is not an object"),
        (b"[" * 100_000, "r.json: invalid JSON"),
        ([ROWS, {"inputs": 1, "instances": []}], "r.json: request 2 has both instances and inputs"),
        ({"instances": []}, "line 1: instances is not an array of rows"),
        ({"instances": [1]}, "line 1: instances has no input names, but signature rank takes country, ids"),
        ({"instances": [ROWS["instances"][0], 3]}, "line 1: row 2 is not an object, but row 1 is"),
        ({"instances": [ROWS["instances"][0], {"ids": [1, 2]}]}, "line 1: row 2: no input country"),
        ({"inputs": {"ids": [[1, 2]], "contry": ["DE"]}}, "line 1: no input country, but there is contry"),
        (ROWS | {"signature_name": "ranc"}, "line 1: M has no signature 'ranc'"),
        (ROWS | {"signature_name": 1}, "line 1: signature_name is not a string"),
        (ROWS | {"signature_name": "sparse"}, "line 1: input x of signature sparse is a sparse tensor"),
    ],
)
def test_what_is_no_request_is_named(model: Model, written: Callable[[Any], Path], content: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        _calls(written(content), model)
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"instances": [1]}, "line 1 has no examples"),
        ({"examples": []}, "line 1 has no examples"),
        ({"examples": [{}, 3]}, "line 1: example 2: an example must be an object, but 3 is not"),
        ({"examples": [{"a": [1, 1.5]}]}, "line 1: example 1: feature a mixes float and int64"),
        ({"examples": [{"a": [[1]]}]}, r"feature a: \[1\] is neither a number nor a string"),
        ({"examples": [{"a": None}]}, "feature a: None is neither a number nor a string"),
        ({"examples": [{"a": 2**63}]}, "feature a: a number is outside int64's range"),
        ({"examples": [{"a": {"b64": "?"}}]}, r"feature a: '\?' is not base64"),
        ({"examples": [{"a": 1}], "context": 3}, "an example must be an object, but 3 is not"),
    ],
)
def test_examples_that_are_none_are_named(
    model: Model, written: Callable[[Any], Path], request_: Any, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        _calls(written(request_), model, "classify", method="classify")


def test_a_file_that_is_gone_is_a_usage_error(tmp_path: Path, model: Model) -> None:
    with pytest.raises(UsageError, match="gone cannot be read: No such file"):
        _calls(tmp_path / "gone", model)


def test_a_file_may_be_gzip(model: Model, written: Callable[[Any], Path]) -> None:
    whole = gzip.compress(f"{json.dumps(ROWS)}\n{json.dumps(COLUMNS)}\n".encode())
    assert len(_calls(written(whole), model)) == 2
    assert len(_calls(written(gzip.compress(json.dumps([ROWS, COLUMNS], indent=1).encode())), model)) == 2
    for damaged in (whole[:-12], whole[:20] + b"\xff" * 10 + whole[30:], b"\x1f\x8b"):
        with pytest.raises(UsageError, match="its gzip data is truncated or damaged"):
            _calls(written(damaged), model)
