"""Any content of a file becomes requests, or a one-line error."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.model.interface import Model
from perfgate.model.messages import Proto
from perfgate.payload.examples import example_calls
from perfgate.payload.json_file import json_calls
from perfgate.payload.npz_file import npz_calls
from perfgate.payload.prediction_log import logged_calls
from perfgate.payload.tfrecord import framed
from perfgate.scenario.schema import Payload

FUZZ = settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
KEYS = st.sampled_from(
    ["ids", "country", "instances", "inputs", "examples", "context", "signature_name", "b64", "a\nb"]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
HEADS = st.sampled_from(["instances", "inputs", "examples"])


def _one_line_or_requests(take: Callable[..., Any], file: Path, data: bytes, model: Model, **spec: Any) -> None:
    file.write_bytes(data)
    problem = f"{file}"
    try:
        calls = list(take(file, model, Payload(**{"batch_size": 1} | spec), "m"))
    except UsageError as error:
        calls, problem = [], error.problem
    assert all(call.body for call in calls)
    assert (str(file) in problem, "\n" in problem) == (True, False)


def _flipped(draw: st.DrawFn, data: bytes) -> bytes:
    flipped = bytearray(data)
    for place in draw(st.lists(st.integers(0, len(data) - 1), max_size=3)):
        flipped[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(flipped[: draw(st.sampled_from([len(data), len(data) // 2, len(data) - 1]))])


@pytest.mark.slow
@given(HEADS, VALUES, st.sampled_from([("rank", "predict"), ("text", "predict"), ("classify", "classify")]))
@FUZZ
def test_json_of_any_kind(tmp_path: Path, model: Model, head: str, value: Any, how: tuple[str, str]) -> None:
    for document in (value, {head: value}, {head: [value]}, [{head: {"ids": value, "country": value}}]):
        data = json.dumps(document).encode()
        _one_line_or_requests(json_calls, tmp_path / "f", data, model, signature=how[0], method=how[1])


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, ids=np.arange(8).reshape(4, 2), country=np.array([b"a", b"b", b"c", b"d"]))
    return file.getvalue()


@pytest.mark.slow
@given(st.data())
@FUZZ
def test_npz_with_bytes_gone_wrong(tmp_path: Path, model: Model, data: st.DataObject) -> None:
    broken = data.draw(st.composite(_flipped)(_npz()))
    _one_line_or_requests(npz_calls, tmp_path / "f", broken, model, signature="rank")


@pytest.mark.slow
def test_npz_with_any_one_bit_gone_wrong(tmp_path: Path, model: Model) -> None:
    whole = _npz()  # contains the time of day, so the fuzz above does not reach each of its bits every time
    for place in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[place // 8] ^= 1 << place % 8
        _one_line_or_requests(npz_calls, tmp_path / "f", bytes(broken), model, signature="rank")


@pytest.mark.slow
@given(st.data())
@FUZZ
def test_records_with_bytes_gone_wrong_before_they_were_framed(
    tmp_path: Path, model: Model, make_log: Callable[..., Proto], data: st.DataObject
) -> None:
    log = make_log(data.draw(st.sampled_from(["predict_log", "regress_log", "multi_inference_log"])), "regress")
    for whole, take, signature in (
        (log.SerializeToString(), logged_calls, "rank"),
        (log.multi_inference_log.request.input.SerializeToString() or b"x", example_calls, "text"),
    ):
        broken = framed(data.draw(st.composite(_flipped)(whole)))
        _one_line_or_requests(take, tmp_path / "f", broken, model, signature=signature)
