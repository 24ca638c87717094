"""Bodies of `:classify` and `:regress` to messages, and results to JSON, as in TF-Serving's `json_tensor.cc`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from perfgate.server.rest.decode import from_b64, is_b64, json_type
from perfgate.server.rest.encode import decimals
from perfgate.server.rest.text import dump, shown
from perfgate.server.status import invalid

_INT64 = (-(1 << 63), 1 << 63)
_UINT64_END = 1 << 64
_FLOAT_MAX = float(np.finfo(np.float32).max)
_KIND_NAMES = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def fill_input(document: Mapping[str, Any], given: Any) -> None:
    """Fill a `tensorflow.serving.Input` from a request body."""
    add = given.example_list.examples.add
    if "context" in document:
        _fill_example(document["context"], given.example_list_with_context.context)
        given.example_list_with_context.context.SetInParent()
        add = given.example_list_with_context.examples.add
    if "examples" not in document:
        words = "When method is classify, key 'examples' is expected and was not found"
        raise invalid(f"JSON Value: {shown(document)} {words}")
    examples = document["examples"]
    if not isinstance(examples, list):
        raise invalid(f"JSON Value: {shown(document)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid(f"JSON Value: {shown(document)} 'examples' value is an empty array")
    for each in examples:
        _fill_example(each, add())


def _fill_example(value: Any, example: Any) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {json_type(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        for each in content if isinstance(content, list) else [content]:
            kind, element = _element(name, each)
            if feature.WhichOneof("kind") not in {None, kind}:
                words = f"expecting type: {_KIND_NAMES[feature.WhichOneof('kind')]}"
                raise invalid(f"Unexpected element type in feature: {name} {words}")
            getattr(feature, kind).value.append(element)


def _element(name: str, value: Any) -> tuple[str, Any]:
    """Return the list of a Feature to which a value belongs, and the value in that form."""
    if isinstance(value, str):
        return "bytes_list", value.encode()
    if is_b64(value):
        return "bytes_list", from_b64(value)
    if isinstance(value, bool):
        return "int64_list", int(value)
    if isinstance(value, float):
        return "float_list", _float(value, value)
    if isinstance(value, int):
        return _whole(name, value)
    raise invalid(f"Feature: {name} has element with unexpected JSON type: {json_type(value)}")


def _whole(name: str, value: int) -> tuple[str, Any]:
    if _INT64[0] <= value < _INT64[1]:
        return "int64_list", value
    if 0 < value < _UINT64_END:
        raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    try:
        return "float_list", _float(value, float(value))  # TF-Serving's parser turns it into a double
    except OverflowError:
        raise invalid("JSON Parse error: Number too big to be stored in double.") from None


def _float(value: Any, wide: float) -> float:
    if math.isfinite(wide) and abs(wide) > _FLOAT_MAX:
        raise invalid(f"Cannot convert JSON value: {shown(value)} to float without loss of precision.")
    return wide


def write_classifications(result: Any) -> bytes:
    """Write `{"results": [[[label, score], …], …]}`."""
    rows = [[(each.label, each.score) for each in row.classes] for row in result.classifications]
    scores = iter(_decimals([score for row in rows for _, score in row]))
    return dump({"results": [[[label, next(scores)] for label, _ in row] for row in rows]})


def write_regressions(result: Any) -> bytes:
    """Write `{"results": […]}`."""
    return dump({"results": _decimals([each.value for each in result.regressions])})


def _decimals(values: list[float]) -> list[float]:
    rounded: list[float] = decimals(np.array(values, np.float32)).tolist()
    return rounded
