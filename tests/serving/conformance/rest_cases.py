"""REST requests with the answers of TF-Serving, and where in its sources each answer is laid down."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import Any

_UTIL, _SERVER = "tensorflow_serving/util", "tensorflow_serving/model_servers"
API = "tensorflow_serving/g3doc/api_rest.md"
JSON = f"{_UTIL}/json_tensor.cc"
JSON_TEST = f"{_UTIL}/json_tensor_test.cc"
HANDLER = f"{_SERVER}/http_rest_api_handler.cc"
HANDLER_UTIL = f"{_SERVER}/http_rest_api_util.cc"
PREDICT = "tensorflow_serving/servables/tensorflow/predict_util.cc"
CLASSIFIER = "tensorflow_serving/servables/tensorflow/classifier.cc"
REGRESSOR = "tensorflow_serving/servables/tensorflow/regressor.cc"
STATUS = "tensorflow_serving/model_servers/get_model_status_impl.cc"


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `body` is sent as it is where it is text."""

    source: str
    name: str
    body: Any
    answer: Any = None
    """The whole JSON of a good one."""
    words: str = ""
    """What an error must say; empty: a good answer."""
    status: int = 400
    """Of an error."""
    path: str = "small:predict"
    method: str = "POST"
    model: str = "signatures"


def _predict(source: str, name: str, signature: str, body: dict[str, Any], answer: Any) -> Case:
    return Case(source, name, {"signature_name": signature, **body}, answer)


def _halves(source: str, name: str, body: dict[str, Any], answer: Any) -> Case:
    return _predict(source, name, "half_plus_two", body, answer)


def _bad(source: str, name: str, body: Any, words: str, signature: str = "") -> Case:
    return Case(source, name, {"signature_name": signature, **body} if signature else body, words=words)


_FLAT, _B64 = "half_plus_two", {"b64": "/w=="}
_KINDS = {"flag": [True], "small": [0], "whole": [0], "wide": [0.0]}
_PAIR = {"a": [1, 2], "b": 3}

GOOD: tuple[Case, ...] = (
    _halves(
        API,
        "the first example: rows that are numbers",
        {"instances": [1.0, 2.0, 5.0]},
        {"predictions": [2.5, 3.0, 4.5]},
    ),
    _halves(API, "the same in columns", {"inputs": [1.0, 2.0, 5.0]}, {"outputs": [2.5, 3.0, 4.5]}),
    _halves(JSON_TEST, "rows that are lists", {"instances": [[1], [2]]}, {"predictions": [[2.5], [3.0]]}),
    _halves(JSON_TEST, "a scalar in columns", {"inputs": 5}, {"outputs": 4.5}),
    _halves(JSON_TEST, "a named scalar", {"inputs": {"x": 5}}, {"outputs": 4.5}),
    _halves(JSON_TEST, "rows that are objects", {"instances": [{"x": 1}, {"x": 2}]}, {"predictions": [2.5, 3.0]}),
    _halves(JSON_TEST, "objects with lists", {"instances": [{"x": [1]}]}, {"predictions": [[2.5]]}),
    _halves(JSON_TEST, "lists in lists", {"inputs": [[[2]], [[4]]]}, {"outputs": [[[3.0]], [[4.0]]]}),
    _halves(JSON_TEST, "whole numbers and others", {"instances": [1, 2.5]}, {"predictions": [2.5, 3.25]}),
    _halves(JSON_TEST, "an empty list in columns", {"inputs": []}, {"outputs": []}),
    _halves(JSON, "a whole number that a float rounds", {"instances": [[16777217]]}, {"predictions": [[8388610.0]]}),
    _halves(JSON, "a number beyond a float", {"instances": [[1e39]]}, {"predictions": [[inf]]}),
    _halves(JSON, "the same below zero", {"instances": [-1e39]}, {"predictions": [-inf]}),
    _halves(JSON, "a number too small for a float", {"instances": [1e-50]}, {"predictions": [2.0]}),
    _halves(JSON_TEST, "infinity", {"instances": [inf, -inf]}, {"predictions": [inf, -inf]}),
    _halves(JSON_TEST, "no number", {"inputs": [nan]}, {"outputs": [nan]}),
    Case(
        API,
        "two outputs in rows",
        {"instances": [[1, 2, 3.5], [0, 0, 0]]},
        {"predictions": [{"double": [2, 4, 7], "sum": 13.0}, {"double": [0, 0, 0], "sum": 0.0}]},
    ),
    Case(API, "two outputs in columns", {"inputs": [[1, 2, 3]]}, {"outputs": {"double": [[2, 4, 6]], "sum": [12.0]}}),
    Case(
        PREDICT,
        "a shape that the signature does not name",
        {"instances": [[1, 2]]},
        {"predictions": [{"double": [2, 4], "sum": 6.0}]},
    ),
    Case(
        API,
        "an empty signature name",
        {"signature_name": "", "inputs": [[1, 1, 1]]},
        {"outputs": {"double": [[2, 2, 2]], "sum": [6.0]}},
    ),
    _predict(PREDICT, "rows into a scalar", "scalar", {"instances": [1, 2]}, {"predictions": [2.0, 4.0]}),
    _predict(PREDICT, "more than a fixed size", "fixed", {"instances": [1, 2, 3]}, {"predictions": [2.0, 4.0, 6.0]}),
    _predict(PREDICT, "a scalar into a scalar", "scalar", {"inputs": 4}, {"outputs": 8.0}),
    _predict(
        JSON_TEST,
        "text",
        "strings",
        {"instances": ["abc"]},
        {"predictions": [{"upper": "ABC", "raw_bytes": {"b64": "YWJj"}}]},
    ),
    _predict(
        JSON_TEST,
        "bytes",
        "strings",
        {"inputs": [{"b64": "YWI="}]},
        {"outputs": {"upper": ["AB"], "raw_bytes": [{"b64": "YWI="}]}},
    ),
    _predict(
        JSON_TEST,
        "bytes without padding",
        "strings",
        {"inputs": [{"b64": "YQ"}]},
        {"outputs": {"upper": ["A"], "raw_bytes": [{"b64": "YQ=="}]}},
    ),
    _predict(
        JSON_TEST,
        "text as a scalar",
        "strings",
        {"inputs": "abc"},
        {"outputs": {"upper": "ABC", "raw_bytes": {"b64": "YWJj"}}},
    ),
    _predict(
        JSON_TEST,
        "text in a list of lists",
        "strings",
        {"instances": [["a", "b"]]},
        {"predictions": [{"upper": ["A", "B"], "raw_bytes": [{"b64": "YQ=="}, {"b64": "Yg=="}]}]},
    ),
    _predict(
        JSON_TEST,
        "text and bytes together",
        "strings",
        {"instances": ["a", {"b64": "Yg=="}]},
        {"predictions": [{"upper": "A", "raw_bytes": {"b64": "YQ=="}}, {"upper": "B", "raw_bytes": {"b64": "Yg=="}}]},
    ),
    _predict(
        JSON_TEST,
        "two inputs in rows",
        "pair",
        {"instances": [_PAIR, {"b": 5, "a": [0, 0]}]},
        {"predictions": [6.0, 5.0]},
    ),
    _predict(JSON_TEST, "two inputs in columns", "pair", {"inputs": {"a": [[1, 2]], "b": [3]}}, {"outputs": [6.0]}),
    _predict(
        JSON_TEST,
        "an int64 at its end",
        "pair",
        {"inputs": {"a": [[0, 0]], "b": [-(1 << 63)]}},
        {"outputs": [-9.22337204e18]},
    ),
    *(
        _predict(
            JSON_TEST,
            f"{name} of {value}",
            "kinds",
            {"inputs": {**_KINDS, name: [value]}},
            {"outputs": {**_KINDS, name: [given]}},
        )
        for name, value, given in (
            ("flag", False, False),
            ("small", 200, 200),
            ("small", 256, 0),
            ("whole", -7, -7),
            ("whole", (1 << 31) - 1, (1 << 31) - 1),
            ("whole", -(1 << 31), -(1 << 31)),
            ("wide", 0.1, 0.1),
            ("wide", 3, 3.0),
            ("wide", 1e300, 1e300),
        )
    ),
    _predict(API, "a matrix of any width", "wide", {"instances": [[1, 2, 3], [4, 5, 6]]}, {"predictions": [6.0, 15.0]}),
    Case(API, "a version", {"signature_name": _FLAT, "inputs": 2}, {"outputs": 3.0}, path="small/versions/3:predict"),
    Case(API, "a label", {"signature_name": _FLAT, "inputs": 2}, {"outputs": 3.0}, path="small/labels/stable:predict"),
    Case(
        PREDICT,
        "a signature that says no shape",
        {"signature_name": "told_no_shape", "instances": [1, 2, 5]},
        {"predictions": [2.5, 3.0, 4.5]},
        model="graph",
    ),
    Case(
        API,
        "classify",
        {"examples": [{"age": 0.2, "country": "CH"}, {"age": [0.5]}]},
        {"results": [[["CH", 0.2], ["other", 0.8]], [["??", 0.5], ["other", 0.5]]]},
        path="small:classify",
        model="graph",
    ),
    Case(
        API,
        "classify with a context",
        {"context": {"age": 0.5}, "examples": [{"country": {"b64": "REU="}}]},
        {"results": [[["DE", 0.5], ["other", 0.5]]]},
        path="small:classify",
        model="graph",
    ),
    Case(
        API,
        "regress",
        {"signature_name": "regress", "examples": [{"age": 0.25}, {"age": -7}][:1]},
        {"results": [0.25]},
        path="small:regress",
        model="graph",
    ),
    Case(
        API,
        "status",
        None,
        {
            "model_version_status": [
                {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            ]
        },
        path="small",
        method="GET",
    ),
    Case(
        API,
        "status of a version",
        None,
        {
            "model_version_status": [
                {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            ]
        },
        path="small/versions/3",
        method="GET",
    ),
)

BAD: tuple[Case, ...] = (
    _bad(JSON_TEST, "nothing", "", "JSON Parse error: The document is empty"),
    _bad(JSON_TEST, "half a document", '{"instances": [1,', "JSON Parse error: Invalid value."),
    _bad(JSON_TEST, "a list", "[]", "JSON Value: [] Is not object"),
    _bad(JSON_TEST, "no key", {}, "Missing 'inputs' or 'instances' key"),
    _bad(
        JSON_TEST,
        "both keys",
        {"inputs": 1, "instances": [1]},
        "expecting only one of 'inputs' or 'instances' keys to exist",
    ),
    _bad(JSON_TEST, "instances that are no list", {"instances": 1}, "Excepting 'instances' to be an list/array", _FLAT),
    _bad(JSON_TEST, "no instances", {"instances": []}, "No values in 'instances' array", _FLAT),
    _bad(
        JSON_TEST,
        "a list among objects",
        {"instances": [{"x": 1}, [1]]},
        "Expecting object but got list at item 1 of input list",
        _FLAT,
    ),
    _bad(
        JSON_TEST,
        "an object among lists",
        {"instances": [[1], {"x": 1}]},
        "Expecting value/list but got object at item 1 of input list",
        _FLAT,
    ),
    _bad(
        JSON_TEST,
        "an input of another name",
        {"instances": [{"z": 1}]},
        "JSON object: does not have named input: z",
        _FLAT,
    ),
    _bad(
        JSON_TEST, "an object that lacks an input", {"instances": [{"a": [1, 2]}]}, "keys must be equal to: a,b", "pair"
    ),
    _bad(
        JSON_TEST,
        "plain rows for two inputs",
        {"instances": [1]},
        "instances is a plain list, but expecting list of objects",
        "pair",
    ),
    _bad(
        JSON_TEST,
        "plain columns for two inputs",
        {"inputs": [1]},
        "inputs is a plain value/list, but expecting an object",
        "pair",
    ),
    _bad(
        JSON_TEST,
        "columns that lack an input",
        {"inputs": {"a": [[1, 2]]}},
        "Missing named input: b in 'inputs' object.",
        "pair",
    ),
    _bad(
        JSON_TEST, "rows of different sizes", {"instances": [[1, 2], [3]]}, "Expecting tensor size: 2 but got: 1", _FLAT
    ),
    _bad(
        JSON_TEST, "rows of different shapes", {"instances": [[1], [[2]]]}, "Expecting shape [1] but got: [1,1]", _FLAT
    ),
    _bad(
        JSON_TEST,
        "a row too short in columns",
        {"inputs": [[1, 2], [3]]},
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        _FLAT,
    ),
    _bad(
        JSON_TEST,
        "a list too deep",
        {"inputs": [1, [2]]},
        "Encountered list at unexpected level: 1 expected < 1",
        _FLAT,
    ),
    _bad(
        JSON_TEST,
        "a value too high",
        {"inputs": [[1], 2]},
        "found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        _FLAT,
    ),
    _bad(
        JSON_TEST,
        "text for a float",
        {"instances": ["x"]},
        'JSON Value: "x" Type: String is not of expected type: float',
        _FLAT,
    ),
    _bad(JSON_TEST, "true for a float", {"instances": [True]}, "Type: True is not of expected type: float", _FLAT),
    _bad(JSON_TEST, "null for a float", {"instances": [None]}, "Type: Null is not of expected type: float", _FLAT),
    _bad(JSON_TEST, "bytes for a float", {"instances": [_B64]}, "Type: Object is not of expected type: float", _FLAT),
    _bad(JSON_TEST, "a number for text", {"instances": [1]}, "is not of expected type: string", "strings"),
    _bad(
        JSON_TEST, "bytes that are no base64", {"instances": [{"b64": "ASDF$"}]}, "Unable to base64 decode", "strings"
    ),
    _bad(
        JSON_TEST,
        "an object of another key",
        {"inputs": [{"b65": "YQ=="}]},
        "not formatted correctly for base64 data",
        "strings",
    ),
    _bad(
        JSON_TEST, "b64 that is no text", {"inputs": [{"b64": 1}]}, "not formatted correctly for base64 data", "strings"
    ),
    _bad(
        JSON_TEST,
        "b64 and another key",
        {"inputs": [{"b64": "YQ==", "x": 1}]},
        "not formatted correctly for base64 data",
        "strings",
    ),
    *(
        _bad(
            JSON_TEST,
            f"{value!r} for {name}",
            {"inputs": {**_KINDS, name: [value]}},
            f"is not of expected type: {kind}",
            "kinds",
        )
        for name, value, kind in (
            ("whole", 1.0, "int32"),
            ("whole", 1 << 31, "int32"),
            ("whole", True, "int32"),
            ("flag", 1, "bool"),
            ("flag", "true", "bool"),
            ("small", 1 << 31, "uint8"),
            ("wide", "1", "double"),
        )
    ),
    _bad(
        JSON_TEST,
        "an int64 too large",
        {"inputs": {"a": [[0, 0]], "b": [1 << 63]}},
        "is not of expected type: int64",
        "pair",
    ),
    _bad(
        JSON_TEST,
        "a number too large for a double",
        f'{{"signature_name": "half_plus_two", "inputs": [1{"0" * 400}]}}',
        "Number too big to be stored in double",
    ),
    _bad(
        JSON_TEST,
        "a signature name that is none",
        {"signature_name": 100, "inputs": 1},
        "'signature_name' key must be a string value.",
    ),
    _bad(
        HANDLER,
        "a signature that is not there",
        {"inputs": 1},
        'Serving signature name: "nope" not found in signature def',
        "nope",
    ),
    _bad(PREDICT, "an error of the graph", {"instances": [11]}, "too much", "fail"),
    _bad(
        JSON,
        "an answer that JSON cannot carry",
        {"instances": [1]},
        "Failed to write JSON value for tensor type: half",
        "half",
    ),
    Case(
        HANDLER,
        "another model",
        {"inputs": 1},
        words="Servable not found for request: Latest(other)",
        status=404,
        path="other:predict",
    ),
    Case(
        HANDLER,
        "another version",
        {"inputs": 1},
        words="Servable not found for request: Specific(small, 4)",
        status=404,
        path="small/versions/4:predict",
    ),
    Case(
        HANDLER,
        "another label",
        {"inputs": 1},
        words="Unrecognized servable version label: nope",
        path="small/labels/nope:predict",
    ),
    Case(
        HANDLER_UTIL,
        "a question that is none",
        None,
        words="Malformed request: GET /v1/models/small:predict",
        method="GET",
    ),
    Case(
        HANDLER_UTIL,
        "a method that is none",
        {"inputs": 1},
        words="Malformed request: POST /v1/models/small:explain",
        path="small:explain",
    ),
    Case(
        STATUS,
        "status of another model",
        None,
        words="Could not find any versions of model other",
        status=404,
        path="other",
        method="GET",
    ),
    Case(
        STATUS,
        "status of another version",
        None,
        words="Could not find version 4 of model small",
        status=404,
        path="small/versions/4",
        method="GET",
    ),
    *(
        Case(source, f"examples: {name}", body, words=words, path=path, model="graph")
        for source, name, body, path, words in (
            (JSON_TEST, "none", {}, "small:classify", "key 'examples' is expected and was not found"),
            (JSON_TEST, "no list", {"examples": 1}, "small:classify", "Expecting 'examples' value to be an list/array"),
            (JSON_TEST, "an empty list", {"examples": []}, "small:classify", "'examples' value is an empty array"),
            (
                JSON_TEST,
                "a number",
                {"examples": [1]},
                "small:classify",
                "Example must be JSON object but got JSON Number",
            ),
            (
                JSON_TEST,
                "a context that is a list",
                {"context": [], "examples": [{}]},
                "small:classify",
                "Example must be JSON object but got JSON Array",
            ),
            (
                JSON_TEST,
                "null",
                {"examples": [{"a": None}]},
                "small:classify",
                "Feature: a has element with unexpected JSON type: Null",
            ),
            (
                JSON_TEST,
                "a list in a list",
                {"examples": [{"a": [[1]]}]},
                "small:classify",
                "Feature: a has element with unexpected JSON type: Array",
            ),
            (
                JSON_TEST,
                "two types",
                {"examples": [{"a": [1, 2.5]}]},
                "small:classify",
                "Unexpected element type in feature: a expecting type: int64",
            ),
            (
                JSON_TEST,
                "a uint64",
                {"examples": [{"a": 1 << 63}]},
                "small:classify",
                "Feature: a has uint64 element. Only int64 is supported.",
            ),
            (
                CLASSIFIER,
                "no such signature",
                {"signature_name": "nope", "examples": [{}]},
                "small:classify",
                "No signature was found with the name: nope",
            ),
            (
                REGRESSOR,
                "a classifier's signature",
                {"examples": [{"age": 1.0}]},
                "small:regress",
                "Expected one output Tensor.",
            ),
        )
    ),
)
