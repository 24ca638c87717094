"""JSON to arrays: TF-Serving's rules and messages, and agreement of the fast and the exact way."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.model.dtypes import BY_NAME
from perfgate.server.rest import decode
from perfgate.server.rest.text import dump, parse
from perfgate.server.status import StatusError

FLOAT, DOUBLE, INT32, UINT8, INT16, INT8, STRING, INT64, BOOL, HALF, UINT32, UINT64 = (
    BY_NAME[name].number
    for name in (
        "float32", "float64", "int32", "uint8", "int16", "int8",
        "string", "int64", "bool", "float16", "uint32", "uint64",
    )
)  # fmt: skip
ALL = (FLOAT, DOUBLE, INT32, UINT8, INT16, INT8, STRING, INT64, BOOL, UINT32, UINT64)


def _b64(raw: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(raw).decode()}


@pytest.mark.parametrize(
    ("number", "value", "expected"),
    [
        (FLOAT, [1, 2.5], np.array([1, 2.5], np.float32)),
        (FLOAT, 0.2, np.array(0.2, np.float32)),
        (FLOAT, [[1], [2]], np.array([[1], [2]], np.float32)),
        (FLOAT, [], np.zeros(0, np.float32)),
        (FLOAT, [[], []], np.zeros((2, 0), np.float32)),
        (FLOAT, [[[], []]], np.zeros((1, 2, 0), np.float32)),
        (FLOAT, [(1 << 24) - 1], np.array([(1 << 24) - 1], np.float32)),
        (FLOAT, [16777217.0], np.array([16777216], np.float32)),
        (FLOAT, [[16777217]], np.array([[16777216]], np.float32)),
        (FLOAT, [[1e39], [-1e39]], np.array([[np.inf], [-np.inf]], np.float32)),
        (FLOAT, [1e-50], np.array([0], np.float32)),
        (DOUBLE, [(1 << 53) + 1], np.array([2.0**53])),
        (FLOAT, [1 << 64], np.array([2.0**64], np.float32)),
        (FLOAT, [np.inf, -np.inf], np.array([np.inf, -np.inf], np.float32)),
        (DOUBLE, [0.1, 3], np.array([0.1, 3])),
        (INT32, [-(1 << 31), (1 << 31) - 1], np.array([-(1 << 31), (1 << 31) - 1], np.int32)),
        (UINT8, [0, 255, 256, -1], np.array([0, 255, 0, 255], np.uint8)),
        (INT8, [127, 200], np.array([127, -56], np.int8)),
        (INT64, [-(1 << 63), (1 << 63) - 1], np.array([-(1 << 63), (1 << 63) - 1])),
        (UINT32, [(1 << 32) - 1], np.array([(1 << 32) - 1], np.uint32)),
        (UINT64, [0, (1 << 64) - 1], np.array([0, (1 << 64) - 1], np.uint64)),
        (BOOL, [[True], [False]], np.array([[True], [False]])),
        (STRING, "é", np.array("é".encode(), object)),
        (STRING, ["a", _b64(b"\xff\0")], np.array([b"a", b"\xff\0"], object)),
        (STRING, [[{"b64": "YQ"}], [{"b64": " Y Q = = "}]], np.array([[b"a"], [b"a"]], object)),
    ],
)
def test_values_become_the_signatures_type(number: int, value: Any, expected: np.ndarray) -> None:
    array = decode.to_array(value, number)
    assert array.dtype == expected.dtype
    assert array.shape == expected.shape
    assert array.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("number", "value", "words"),
    [
        (FLOAT, ["x", "y"], 'JSON Value: "x" Type: String is not of expected type: float'),
        (FLOAT, [True], "JSON Value: true Type: True is not of expected type: float"),
        (FLOAT, [None], "JSON Value: null Type: Null is not of expected type: float"),
        (FLOAT, [{"a": 1}], 'JSON Value: {"a":1} Type: Object is not of expected type: float'),
        (FLOAT, [_b64(b"x")], "Type: Object is not of expected type: float"),
        (DOUBLE, [10**400], "JSON Parse error: Number too big to be stored in double."),
        (INT32, [1.0], "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        (INT32, [1 << 31], "JSON Value: 2147483648 Type: Number is not of expected type: int32"),
        (UINT8, [1 << 31], "is not of expected type: uint8"),
        (UINT32, [-1], "is not of expected type: uint32"),
        (UINT64, [-1], "is not of expected type: uint64"),
        (INT64, [1 << 63], "is not of expected type: int64"),
        (INT64, [True], "JSON Value: true Type: True is not of expected type: int64"),
        (BOOL, [1], "JSON Value: 1 Type: Number is not of expected type: bool"),
        (STRING, [1], "JSON Value: 1 Type: Number is not of expected type: string"),
        (STRING, [{"b64": "*"}], "Unable to base64 decode"),
        (STRING, [{"b64": "YQ="}], "Unable to base64 decode"),
        (STRING, [{"b64": "Y"}], "Unable to base64 decode"),
        (STRING, [{"b64": 1}], 'JSON Value: {"b64":1} not formatted correctly for base64 data'),
        (STRING, [{"b64": "YQ", "c": 1}], "not formatted correctly for base64 data"),
        (FLOAT, [[1, 2], 3], "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        (FLOAT, [1, [2, 3]], "Encountered list at unexpected level: 1 expected < 1"),
        (FLOAT, [[1, 2], [3]], "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        (FLOAT, [[], [1]], "Encountered list at unexpected size: 1 at level: 1 expected size: 0"),
    ],
)
def test_what_does_not_fit_is_said_in_tf_servings_words(number: int, value: Any, words: str) -> None:
    with pytest.raises(StatusError) as refused:
        decode.to_array(value, number)
    assert words in str(refused.value)
    assert refused.value.code.name == "INVALID_ARGUMENT"


def test_types_that_json_does_not_carry_are_unimplemented() -> None:
    with pytest.raises(StatusError, match="Conversion of JSON Value: 1 to type: half") as refused:
        decode.to_array([1], HALF)
    assert refused.value.code.name == "UNIMPLEMENTED"


def test_very_deep_lists_are_refused() -> None:
    value: Any = 1
    for _ in range(70):
        value = [value]
    with pytest.raises(StatusError, match="more than 64 dimensions"):
        decode.to_array(value, FLOAT)


def _outcome(read: Any, value: Any, number: int) -> Any:
    try:
        array = read(value, number)
    except StatusError as error:
        return str(error)
    return (
        None
        if array is None
        else (array.dtype, array.shape, array.tobytes() if array.dtype != object else list(array.ravel()))
    )


_LEAVES = (
    st.booleans()
    | st.none()
    | st.text(max_size=2)
    | st.integers(-300, 300)
    | st.integers(-(1 << 65), 1 << 65)
    | st.floats(allow_nan=False)
    | st.floats(width=32, allow_nan=False)
    | st.binary(max_size=3).map(_b64)
)
_SHAPES = st.lists(st.integers(0, 3), max_size=3)


def _nested(shape: list[int], leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if not shape:
        return leaves
    return st.lists(_nested(shape[1:], leaves), min_size=shape[0], max_size=shape[0])


_REGULAR = st.sampled_from(["ints", "floats", "strings", "any"]).flatmap(
    lambda kind: _SHAPES.flatmap(
        lambda shape: _nested(
            shape,
            {
                "ints": st.integers(-300, 300),
                "floats": st.floats(width=32, allow_nan=False) | st.integers(-9, 9),
                "strings": st.text(max_size=3),
                "any": _LEAVES,
            }[kind],
        )
    )
)


@given(_REGULAR | st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=8), st.sampled_from(ALL))
def test_the_quick_way_is_the_exact_way(value: Any, number: int) -> None:
    quick, exact = (_outcome(read, value, number) for read in (decode._quickly, decode._value_by_value))
    assert quick in {None, exact} if isinstance(exact, str) else quick is None or quick == exact


@given(st.lists(_LEAVES | st.lists(_LEAVES, max_size=2) | st.dictionaries(st.sampled_from("xyz"), _LEAVES), min_size=1))
def test_any_rows_are_read_or_refused_alike(rows: list[Any]) -> None:
    for numbers in ({"x": STRING}, {"x": FLOAT, "y": INT64}):
        try:
            read = decode.read_request({"instances": rows}, numbers)[0]
        except StatusError:
            continue
        slow = decode._row_by_row(rows, numbers)
        assert {name: array.tolist() for name, array in read.items()} == {n: a.tolist() for n, a in slow.items()}


@pytest.mark.parametrize(
    ("body", "numbers", "words"),
    [
        ("{}", {"x": FLOAT}, "Missing 'inputs' or 'instances' key"),
        ('{"instances": [1], "inputs": [1]}', {"x": FLOAT}, "expecting only one of 'inputs' or 'instances' keys"),
        ('{"instances": 1}', {"x": FLOAT}, "Excepting 'instances' to be an list/array"),
        ('{"instances": []}', {"x": FLOAT}, "No values in 'instances' array"),
        ('{"instances": [1]}', {"x": FLOAT, "y": FLOAT}, "instances is a plain list, but expecting list of objects"),
        ('{"instances": [{"x": 1}, 2]}', {"x": FLOAT}, "Expecting object but got list at item 1 of input list"),
        ('{"instances": [1, {"x": 2}]}', {"x": FLOAT}, "Expecting value/list but got object at item 1 of input list"),
        (
            '{"instances": [{"x": 1, "z": 2}]}',
            {"x": FLOAT},
            "0 key: z of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: z",
        ),
        (
            '{"instances": [{"x": 1, "y": 2}, {"x": 1}]}',
            {"x": FLOAT, "y": FLOAT},
            "Failed to process element: 1 of 'instances' list. JSON object: {\"x\":1} keys must be equal to: x,y",
        ),
        (
            '{"instances": [[1, 2], [3]]}',
            {"x": FLOAT},
            "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1",
        ),
        ('{"instances": [[[1, 2]], [[1], [2]]]}', {"x": FLOAT}, "Expecting shape [1,2] but got: [2,1]"),
        ('{"instances": [1, "x"]}', {"x": FLOAT}, 'JSON Value: "x" Type: String is not of expected type: float'),
        ('{"inputs": [1]}', {"x": FLOAT, "y": FLOAT}, "inputs is a plain value/list, but expecting an object"),
        ('{"inputs": {"x": [1]}}', {"x": FLOAT, "y": FLOAT}, "Missing named input: y in 'inputs' object."),
    ],
)
def test_requests_that_do_not_fit(body: str, numbers: dict[str, int], words: str) -> None:
    with pytest.raises(StatusError) as refused:
        decode.read_request(parse(body.encode()), numbers)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("body", "numbers", "arrays", "in_rows"),
    [
        ('{"instances": [1, 2]}', {"x": FLOAT}, {"x": [1, 2]}, True),
        ('{"instances": [{"x": [1]}, {"x": [2]}]}', {"x": FLOAT}, {"x": [[1], [2]]}, True),
        ('{"instances": [{"y": 2, "x": "a"}]}', {"x": STRING, "y": INT64}, {"x": [b"a"], "y": [2]}, True),
        ('{"instances": [{"b64": "YQ=="}]}', {"x": STRING}, {"x": [b"a"]}, True),
        ('{"instances": [{"x": {"b64": "YQ=="}}]}', {"x": STRING}, {"x": [b"a"]}, True),
        ('{"inputs": 3.5}', {"x": FLOAT}, {"x": 3.5}, False),
        ('{"inputs": {"b64": "YQ=="}}', {"x": STRING}, {"x": b"a"}, False),
        ('{"inputs": {"x": [1], "y": 2, "extra": 3}}', {"x": FLOAT, "y": INT64}, {"x": [1], "y": 2}, False),
    ],
)
def test_rows_and_columns(body: str, numbers: dict[str, int], arrays: dict[str, Any], in_rows: bool) -> None:
    read, rows = decode.read_request(parse(body.encode()), numbers)
    assert {name: array.tolist() for name, array in read.items()} == arrays
    assert rows is in_rows


def test_what_is_read_does_not_depend_on_the_format() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 3)).astype(np.float32), rng.integers(-5, 5, 5)
    rows = {"instances": [{"x": a, "y": b} for a, b in zip(x.tolist(), y.tolist(), strict=True)]}
    columns = {"inputs": {"x": x.tolist(), "y": y.tolist()}}
    for document in (rows, columns):
        read, _ = decode.read_request(parse(dump(document)), {"x": FLOAT, "y": INT64})
        np.testing.assert_array_equal(read["x"], x)
        np.testing.assert_array_equal(read["y"], y)
