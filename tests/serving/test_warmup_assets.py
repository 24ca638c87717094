"""Recorded warm-up requests are replayed before the port opens."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf import text_format

from perfgate.errors import InvalidRunError
from perfgate.model.messages import PredictionLog
from perfgate.payload.tfrecord import framed

if TYPE_CHECKING:
    from tests.serving.conftest import Start

pytestmark = pytest.mark.live

_EXAMPLES = (
    'input { example_list { examples { features { feature { key: "age" value { float_list { value: 1 } } } } } } }'
)
_REGRESS = f'regress_log {{ request {{ model_spec {{ signature_name: "regress" }} {_EXAMPLES} }} }}'
_CLASSIFY = (
    f'classify_log {{ request {{ model_spec {{ name: "as it was called" version {{ value: 77 }} }} {_EXAMPLES} }} }}'
)
_MULTI = f"""multi_inference_log {{ request {{
    tasks {{ model_spec {{ name: "a" }} method_name: "tensorflow/serving/classify" }}
    tasks {{ model_spec {{ name: "a" signature_name: "regress" }} method_name: "tensorflow/serving/regress" }}
    {_EXAMPLES} }} }}"""
_PREDICT = """predict_log { request { model_spec { signature_name: "sparse_parts" }
    inputs { key: "indices" value { dtype: 9 tensor_shape { dim { size: 1 } dim { size: 2 } } int64_val: 1 } }
    inputs { key: "values" value { dtype: 1 tensor_shape { dim { size: 1 } } float_val: 1 } }
    inputs { key: "dense_shape" value { dtype: 9 tensor_shape { dim { size: 2 } } int64_val: 4 } } } }"""


@pytest.fixture
def model(small_models: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "model"
    shutil.copytree(small_models / "graph", copy)
    (copy / "assets.extra").mkdir()
    return copy


def _log(text: str) -> bytes:
    message: bytes = text_format.Parse(text, PredictionLog()).SerializeToString()
    return message


def _write(model: Path, data: bytes) -> None:
    (model / "assets.extra" / "tf_serving_warmup_requests").write_bytes(data)


def test_requests_of_every_method_are_replayed(start: Start, model: Path) -> None:
    logs = (_REGRESS, _CLASSIFY, _MULTI, _PREDICT, "")
    _write(model, b"".join(framed(_log(text)) for text in logs))
    replica = start(model)
    assert replica.replayed == 5
    assert replica.address
    assert replica.rest_address


def test_a_model_without_them_replays_nothing(start: Start, model: Path) -> None:
    assert start(model, rest_port=None).replayed == 0
    _write(model, b"")
    replica = start(model, rest_port=None)
    assert replica.replayed == 0
    assert not replica.rest_address


def test_a_thousand_are_the_most(start: Start, model: Path) -> None:
    _write(model, framed(_log(_REGRESS)) * 1000)
    assert start(model).replayed == 1000
    _write(model, framed(_log(_REGRESS)) * 1001)
    with pytest.raises(InvalidRunError, match=r"does not load: Number of warmup records exceeds the maximum \(1000\)"):
        start(model)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            framed(_log(_REGRESS)) + framed(_log("regress_log { request { } }")),
            "warm-up request 2 of .*: Missing ModelSpec|Expected one output Tensor.",
        ),
        (
            framed(_log("session_run_log {}")),
            "warm-up request 1 of .*: Unsupported log_type for warmup: session_run_log",
        ),
        (framed(b"\xff\xff"), "Failed to parse warmup record"),
        (b"no records at all", "Please verify your warmup data is in TFRecord format."),
        (framed(_log(_REGRESS))[:-3], "Please verify your warmup data is in TFRecord format."),
    ],
)
def test_what_cannot_be_replayed_is_an_error_of_the_load(start: Start, model: Path, data: bytes, words: str) -> None:
    _write(model, data)
    with pytest.raises(InvalidRunError, match=f"does not load: .*({words})") as refused:
        start(model)
    assert "\n" not in refused.value.problem
    assert refused.value.remedy == "TF-Serving does not load it either; record its warm-up requests again"
