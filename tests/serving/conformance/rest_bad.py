"""REST requests that TF-Serving rejects, with its messages."""

from __future__ import annotations

from typing import Any

from tests.serving.conformance.rest_case import (
    BYTES,
    CLASSIFIER,
    FLAT,
    HANDLER,
    HANDLER_UTIL,
    JSON,
    JSON_TEST,
    KINDS,
    PREDICT,
    REGRESSOR,
    STATUS,
    Case,
)


def _bad(source: str, name: str, body: Any, words: str, signature: str = "") -> Case:
    return Case(source, name, {"signature_name": signature, **body} if signature else body, words=words)


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
    _bad(JSON_TEST, "instances that are no list", {"instances": 1}, "Excepting 'instances' to be an list/array", FLAT),
    _bad(JSON_TEST, "no instances", {"instances": []}, "No values in 'instances' array", FLAT),
    _bad(
        JSON_TEST,
        "a list among objects",
        {"instances": [{"x": 1}, [1]]},
        "Expecting object but got list at item 1 of input list",
        FLAT,
    ),
    _bad(
        JSON_TEST,
        "an object among lists",
        {"instances": [[1], {"x": 1}]},
        "Expecting value/list but got object at item 1 of input list",
        FLAT,
    ),
    _bad(
        JSON_TEST,
        "an input of another name",
        {"instances": [{"z": 1}]},
        "JSON object: does not have named input: z",
        FLAT,
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
        JSON_TEST, "rows of different sizes", {"instances": [[1, 2], [3]]}, "Expecting tensor size: 2 but got: 1", FLAT
    ),
    _bad(
        JSON_TEST, "rows of different shapes", {"instances": [[1], [[2]]]}, "Expecting shape [1] but got: [1,1]", FLAT
    ),
    _bad(
        JSON_TEST,
        "a row too short in columns",
        {"inputs": [[1, 2], [3]]},
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        FLAT,
    ),
    _bad(
        JSON_TEST,
        "a list too deep",
        {"inputs": [1, [2]]},
        "Encountered list at unexpected level: 1 expected < 1",
        FLAT,
    ),
    _bad(
        JSON_TEST,
        "a value too high",
        {"inputs": [[1], 2]},
        "found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        FLAT,
    ),
    _bad(
        JSON_TEST,
        "text for a float",
        {"instances": ["x"]},
        'JSON Value: "x" Type: String is not of expected type: float',
        FLAT,
    ),
    _bad(JSON_TEST, "true for a float", {"instances": [True]}, "Type: True is not of expected type: float", FLAT),
    _bad(JSON_TEST, "null for a float", {"instances": [None]}, "Type: Null is not of expected type: float", FLAT),
    _bad(JSON_TEST, "bytes for a float", {"instances": [BYTES]}, "Type: Object is not of expected type: float", FLAT),
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
            {"inputs": {**KINDS, name: [value]}},
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
