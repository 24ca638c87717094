"""REST requests that TF-Serving answers successfully, with the answers."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from tests.serving.conformance.rest_case import (
    API,
    FLAT,
    JSON,
    JSON_TEST,
    KINDS,
    PREDICT,
    Case,
)

_PAIR = {"a": [1, 2], "b": 3}


def _predict(source: str, name: str, signature: str, body: dict[str, Any], answer: Any) -> Case:
    return Case(source, name, {"signature_name": signature, **body}, answer)


def _halves(source: str, name: str, body: dict[str, Any], answer: Any) -> Case:
    return _predict(source, name, "half_plus_two", body, answer)


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
            {"inputs": {**KINDS, name: [value]}},
            {"outputs": {**KINDS, name: [given]}},
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
    Case(API, "a version", {"signature_name": FLAT, "inputs": 2}, {"outputs": 3.0}, path="small/versions/3:predict"),
    Case(API, "a label", {"signature_name": FLAT, "inputs": 2}, {"outputs": 3.0}, path="small/labels/stable:predict"),
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
