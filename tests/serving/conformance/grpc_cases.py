"""gRPC requests, in protobuf's text format, with TF-Serving's answers and the source of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from perfgate.trials import Method

_TF = "tensorflow_serving/servables/tensorflow"
PREDICT = f"{_TF}/predict_util.cc"
UTIL = f"{_TF}/util.cc"
CLASSIFIER, REGRESSOR, MULTI = f"{_TF}/classifier.cc", f"{_TF}/regressor.cc", f"{_TF}/multi_inference.cc"
INPUTS = "tensorflow/cc/saved_model/util.cc"
PROTO = "tensorflow_serving/apis/predict.proto"
TENSOR = "tensorflow/core/framework/tensor.cc"
CORE = "tensorflow_serving/model_servers/server_core.cc"
OK, INVALID, NOT_FOUND, PRECONDITION = 0, 3, 5, 9
FLOAT, DOUBLE, INT32, STRING, INT64 = 1, 2, 3, 7, 9


@dataclass(frozen=True, slots=True)
class Case:
    """One request."""

    source: str
    name: str
    text: str
    outputs: dict[str, Any] | None = None
    """For a successful Predict: lists by name. Otherwise: what the answer's text must contain."""
    status: int = OK
    words: str = ""
    model: str = "graph"
    method: Method = Method.PREDICT


def spec(signature: str = "half_plus_two", name: str = "small", more: str = "") -> str:
    return f'model_spec {{ name: "{name}" signature_name: "{signature}" {more} }}'


def tensor(values: str, shape: tuple[int, ...] = (), dtype: int = FLOAT) -> str:
    dims = " ".join(f"dim {{ size: {size} }}" for size in shape)
    return f"dtype: {dtype} tensor_shape {{ {dims} }} {values}"


def given(name: str, values: str, shape: tuple[int, ...] = (), dtype: int = FLOAT) -> str:
    return f'inputs {{ key: "{name}" value {{ {tensor(values, shape, dtype)} }} }}'


def _floats(*values: float) -> str:
    return " ".join(f"float_val: {value}" for value in values)


def _ask(source: str, name: str, text: str, outputs: dict[str, Any], model: str = "graph") -> Case:
    return Case(source, name, text, outputs, model=model)


def _bad(source: str, name: str, text: str, status: int, words: str, model: str = "graph") -> Case:  # noqa: PLR0917 - a table row
    return Case(source, name, text, None, status, words, model)


_STABLE, _CANARY, _NOPE = (f'version_label: "{label}"' for label in ("stable", "canary", "nope"))
_AB, _ZERO = 'string_val: "ab"', 'tensor_content: "\\000\\000\\000\\000"'
_X, _TWO = given("x", _floats(1, 2), (2, 1)), {"y": [[2.5], [3.0]]}
_EXAMPLE = 'examples { features { feature { key: "age" value { float_list { value: 0.25 } } } } }'
_LISTED = f"input {{ example_list {{ {_EXAMPLE} }} }}"
_PAIR = given("a", _floats(1, 2), (1, 2)), given("b", "int64_val: 3", (1,), INT64)

CASES: tuple[Case, ...] = (
    _ask(PROTO, "values", f"{spec()} {_X}", _TWO),
    _ask(PREDICT, "a vector for a matrix", f"{spec()} {given('x', _floats(1, 2, 5), (3,))}", {"y": [2.5, 3.0, 4.5]}),
    _ask(PREDICT, "a scalar for a matrix", f"{spec()} {given('x', _floats(5))}", {"y": 4.5}),
    _ask(PREDICT, "another width", f"{spec()} {given('x', _floats(1, 2), (1, 2))}", {"y": [[2.5, 3.0]]}),
    _ask(PREDICT, "no rows", f"{spec()} {given('x', '', (0, 1))}", {"y": []}),
    _ask(PREDICT, "a signature that says no shape", f"{spec('told_no_shape')} {_X}", _TWO),
    _ask(PREDICT, "the same, a vector", f"{spec('told_no_shape')} {given('x', _floats(4), (1,))}", {"y": [4.0]}),
    _ask(TENSOR, "one value for all", f"{spec()} {given('x', _floats(2), (3, 1))}", {"y": [[3.0], [3.0], [3.0]]}),
    _ask(
        TENSOR,
        "fewer values than places",
        f"{spec()} {given('x', _floats(2, 4), (3, 1))}",
        {"y": [[3.0], [4.0], [4.0]]},
    ),
    _ask(TENSOR, "content", f"{spec()} {given('x', _ZERO, (1, 1))}", {"y": [[2.0]]}),
    _ask(INPUTS, "an input left to its default", f"{spec('with_default')} {_X}", {"y": [[4.0], [5.0]]}),
    _ask(
        INPUTS,
        "an input over its default",
        f"{spec('with_default')} {_X} {given('more', _floats(1))}",
        {"y": [[2.0], [3.0]]},
    ),
    _ask(CORE, "a version", f"{spec(more='version { value: 3 }')} {_X}", _TWO),
    _ask(CORE, "a label", f"{spec(more=_STABLE)} {_X}", _TWO),
    _ask(
        PROTO,
        "no signature's name",
        f"{spec('')} {given('x', _floats(1, 1, 1), (1, 3))}",
        {"double": [[2, 2, 2]], "sum": [6.0]},
        "signatures",
    ),
    _ask(
        PREDICT,
        "one output of two",
        f'{spec("")} {given("x", _floats(1, 1, 1), (1, 3))} output_filter: "sum"',
        {"sum": [6.0]},
        "signatures",
    ),
    _ask(
        PREDICT,
        "two by name",
        f'{spec("")} {given("x", _floats(1), (1, 1))} output_filter: "sum" output_filter: "double"',
        {"double": [[2.0]], "sum": [2.0]},
        "signatures",
    ),
    _ask(PROTO, "two inputs", f"{spec('pair')} {_PAIR[0]} {_PAIR[1]}", {"total": [6.0]}, "signatures"),
    _ask(
        PROTO,
        "text",
        f"{spec('strings')} {given('text', _AB, (1,), STRING)}",
        {"upper": [b"AB"], "raw_bytes": [b"ab"]},
        "signatures",
    ),
    _ask(
        PREDICT,
        "text as a scalar",
        f"{spec('strings')} {given('text', _AB, (), STRING)}",
        {"upper": b"AB", "raw_bytes": b"ab"},
        "signatures",
    ),
    _ask(
        PREDICT,
        "a vector for a scalar",
        f"{spec('scalar')} {given('s', _floats(1, 2), (2,))}",
        {"t": [2.0, 4.0]},
        "signatures",
    ),
    _ask(
        PREDICT,
        "more than a fixed size",
        f"{spec('fixed')} {given('x', _floats(1, 2, 3), (3,))}",
        {"y": [2.0, 4.0, 6.0]},
        "signatures",
    ),
    _bad(CORE, "no spec", _X, INVALID, "Missing ModelSpec"),
    _bad(CORE, "no name", f"{spec(name='')} {_X}", INVALID, "ModelSpec has no name specified."),
    _bad(
        CORE, "another name", f"{spec(name='other')} {_X}", NOT_FOUND, "Servable not found for request: Latest(other)"
    ),
    _bad(
        CORE,
        "another version",
        f"{spec(more='version { value: 4 }')} {_X}",
        NOT_FOUND,
        "Servable not found for request: Specific(small, 4)",
    ),
    _bad(CORE, "another label", f"{spec(more=_NOPE)} {_X}", INVALID, "Unrecognized servable version label: nope"),
    _bad(
        CORE,
        "a label of a version that is not there",
        f"{spec(more=_CANARY)} {_X}",
        NOT_FOUND,
        "Servable not found for request: Specific(small, 4)",
    ),
    _bad(PREDICT, "another signature", f"{spec('nope')} {_X}", PRECONDITION, 'Serving signature key "nope" not found.'),
    _bad(PREDICT, "no input", spec(), INVALID, "Missing but required: {x}"),
    _bad(PREDICT, "an input of another name", f"{spec()} {given('z', _floats(1), (1, 1))}", INVALID, ""),
    _bad(PREDICT, "an input too many", f"{spec()} {_X} {given('z', _floats(1), (1, 1))}", INVALID, "Sent extra: {z}"),
    _bad(
        PREDICT, "one of two inputs", f"{spec('pair')} {_PAIR[0]}", INVALID, "Missing but required: {b}", "signatures"
    ),
    _bad(
        INPUTS,
        "an input without a default left out",
        f"{spec('with_default')} {given('more', _floats(1))}",
        INVALID,
        "",
    ),
    _bad(
        INPUTS,
        "an unknown input beside a default",
        f"{spec('with_default')} {_X} {given('z', _floats(1))}",
        INVALID,
        "",
    ),
    _bad(PREDICT, "another type", f"{spec()} {given('x', 'double_val: 1', (1, 1), DOUBLE)}", INVALID, ""),
    _bad(PREDICT, "an integer for a float", f"{spec()} {given('x', 'int_val: 1', (1, 1), INT32)}", INVALID, ""),
    _bad(PREDICT, "no type", f"{spec()} {given('x', _floats(1), (1, 1), 0)}", INVALID, ""),
    _bad(TENSOR, "too many values", f"{spec()} {given('x', _floats(1, 2, 3), (1, 1))}", INVALID, ""),
    _bad(
        PREDICT,
        "an output of another name",
        f'{spec()} {_X} output_filter: "z"',
        INVALID,
        "output tensor alias not found in signature: z",
    ),
    _bad(
        PREDICT,
        "an output twice",
        f'{spec()} {_X} output_filter: "y" output_filter: "y"',
        INVALID,
        "duplicate output tensor alias",
    ),
    _bad(
        PREDICT,
        "an error of the graph",
        f"{spec('fail')} {given('x', _floats(11), (1,))}",
        INVALID,
        "too much",
        "signatures",
    ),
    Case(CLASSIFIER, "classify", f"{spec('')} {_LISTED}", {"label": '"??"', "score": "0.25"}, method=Method.CLASSIFY),
    Case(REGRESSOR, "regress", f"{spec('regress')} {_LISTED}", {"value": "0.25"}, method=Method.REGRESS),
    Case(CLASSIFIER, "classify nothing", spec(""), None, INVALID, "Input is empty", method=Method.CLASSIFY),
    Case(
        CLASSIFIER,
        "classify no examples",
        f"{spec('')} input {{ example_list {{ }} }}",
        None,
        INVALID,
        "Input is empty",
        method=Method.CLASSIFY,
    ),
    Case(
        CLASSIFIER,
        "classify by another signature",
        f"{spec('nope')} {_LISTED}",
        None,
        INVALID,
        "No signature was found with the name: nope",
        method=Method.CLASSIFY,
    ),
    Case(REGRESSOR, "regress by a classifier's", f"{spec('')} {_LISTED}", None, INVALID, "", method=Method.REGRESS),
)
