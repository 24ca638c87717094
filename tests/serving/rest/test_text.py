"""JSON as the REST API reads and writes it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.server.rest import text
from perfgate.server.status import StatusError

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=4), _VALUES, max_size=4))
def test_what_is_written_reads_back(value: dict[str, Any]) -> None:
    assert text.parse(text.dump(value)) == value
    assert json.loads(text.dump(value)) == value


def _object_or_refused(body: bytes) -> str:
    try:
        return type(text.parse(body)).__name__
    except StatusError as error:
        return str(error)[:5]


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    assert _object_or_refused(body) in {"dict", "JSON "}


@given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=2), st.data())
def test_any_damage_is_an_object_or_refused(value: dict[str, Any], data: st.DataObject) -> None:
    body = bytearray(text.dump(value))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert _object_or_refused(bytes(body)) in {"dict", "JSON "}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b" \n", "JSON Parse error: The document is empty"),
        (b"hi", "JSON Parse error: Invalid value. at offset: 0"),
        (b'{"a": hi}', "JSON Parse error: Invalid value. at offset: 6"),
        (b'{\n"a": hi}', "JSON Parse error: Invalid value. at offset: 7"),
        (b'{"a": 1', "JSON Parse error: Missing a comma or } after an object member. at offset: 6"),
        (b'{"a": [1', "JSON Parse error: Missing a comma or ] after an array element. at offset: 7"),
        (b'{"a": [1 2]}', "JSON Parse error: Missing a comma or ] after an array element. at offset: 9"),
        (b"{1: 2}", "JSON Parse error: Missing a name for object member. at offset: 1"),
        (b'{"a" 2}', "JSON Parse error: Missing a colon after a name of object member. at offset: 5"),
        (b'{"a": "b', "JSON Parse error: Missing a closing quotation mark in string. at offset: 7"),
        (b'{"a": "\\x"}', "JSON Parse error: Invalid escape character in string. at offset: 8"),
        (b'{"a": "\xff"}', "JSON Parse error: Invalid encoding in string. at offset: 7"),
        (b"{} 1", "JSON Parse error: The document root must not be followed by other values. at offset: 3"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON Parse error: Number too big to be stored in double."),
        (b'{"a": ' + b"[" * 5000, "JSON Parse error: Nested deeper than 200 levels."),
        (b"[1]", "JSON Value: [1] Is not object"),
        (b"NaN", "JSON Value: NaN Is not object"),
    ],
)
def test_what_is_wrong_is_said_in_tf_servings_words(body: bytes, words: str) -> None:
    with pytest.raises(StatusError) as refused:
        text.parse(body)
    assert str(refused.value).startswith(words)
    assert refused.value.code.name == "INVALID_ARGUMENT"


def test_numbers_that_are_none_are_read_in_all_spellings() -> None:
    read = text.parse(b'{"a": [NaN, Inf, -Inf, Infinity, -Infinity], "b": "Inf \\" Inf"}')
    assert math.isnan(read["a"][0])
    assert read["a"][1:] == [math.inf, -math.inf, math.inf, -math.inf]
    assert read["b"] == 'Inf " Inf'
    assert text.dump([math.nan, math.inf, -math.inf]) == b"[NaN,Infinity,-Infinity]"


def test_bytes_that_are_no_text_go_out_as_they_are() -> None:
    assert text.dump([b"\xff\xc3\xa9".decode("utf-8", "surrogateescape")]) == b'["\xff\xc3\xa9"]'


def test_long_values_are_cut_in_messages() -> None:
    assert len(text.shown(list(range(10_000)))) == 203
