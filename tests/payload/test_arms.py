from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.model.interface import Model, Signature
from perfgate.payload.arms import request_differences
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm

MakeSignature = Callable[..., Signature]


def _differences(old: Signature, new: Signature, **tables: Any) -> list[str]:
    models = {
        arm: Model(Path(arm), arm, 1, "", 0, (), (signature,), ())
        for arm, signature in zip(Arm, (old, new), strict=True)
    }
    scenario = Scenario.model_validate({"payload": {"signature": "rank"}} | tables)
    assert request_differences({Arm.CANDIDATE: models[Arm.CANDIDATE]}, scenario) == ()
    return [caution.message for caution in request_differences(models, scenario)]


def test_inputs_of_only_one_arm_are_reported_once_for_all_classes(make_signature: MakeSignature) -> None:
    old = make_signature(a=("int64", (None,)), b=("int64", (None,)))
    new = make_signature(a=("int32", (None,)), c=("int64", (None,)))
    said = "the two versions take different inputs: a int64 then int32, b only in the baseline, c only in the candidate"
    assert _differences(old, new) == [said]
    assert _differences(old, new, classes={"one": {}, "two": {"batch_size": 2}}) == [said]
    assert _differences(old, old) == []


def test_inputs_that_an_exporter_numbers_are_paired_by_a_pattern_and_reported(make_signature: MakeSignature) -> None:
    old = make_signature(keras_tensor_9=("int64", (None,)), keras_tensor_10=("float32", (None,)))
    new = make_signature(keras_tensor_99=("int64", (None,)), keras_tensor_100=("float32", (None,)))
    payload = {"signature": "rank", "inputs": {"keras_tensor*": {"low": 0, "high": 2}}}
    (said,) = _differences(old, new, payload=payload)
    assert said.startswith("the two versions take different inputs: keras_tensor_9 is called keras_tensor_99 in the")
    assert said.endswith("keras_tensor_10 is called keras_tensor_100 in the candidate")
    with pytest.raises(InvalidRunError, match="have no input in common") as caught:
        _differences(old, new)
    assert "perfgate init" in caught.value.remedy


def test_a_class_of_another_shape_in_both_arms_is_refused(make_signature: MakeSignature) -> None:
    old, new = make_signature(a=("int64", (None, 4))), make_signature(a=("int64", (8, 4)))
    assert _differences(old, new) == []
    with pytest.raises(InvalidRunError, match=r"input a takes \[2, 4\], then \[8, 4\]"):
        _differences(old, new, classes={"eight": {}, "two": {"batch_size": 2}})
    with pytest.raises(InvalidRunError, match=r"have no input in common \(a then b\)"):
        _differences(old, make_signature(b=("int64", (None,))))


def test_recorded_requests_need_no_shapes(make_signature: MakeSignature) -> None:
    unknown = make_signature(a=("int64", (None, None)))
    recorded = {"signature": "rank", "source": "json", "file": "r.json"}
    assert _differences(unknown, unknown, payload=recorded) == []
    with pytest.raises(UsageError, match="dimensions other than the first are unknown"):
        _differences(unknown, unknown)
