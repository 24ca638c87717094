from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfgate.cautions import CautionKind
from perfgate.errors import UsageError
from perfgate.model.interface import Model
from perfgate.model.messages import PredictRequest, Proto
from perfgate.model.tensors import decode
from perfgate.payload.record import payload_digest, record_scenario
from perfgate.payload.warmup_assets import (
    PLACE,
    warmup_differences,
    warmup_digest,
    warmup_file,
    warmup_kinds,
    warmup_source,
)
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm, Call, Method

RANK: dict[str, Any] = {"signature": "rank", "distinct": 2}
WriteRecords = Callable[..., Path]
MakeLog = Callable[..., Proto]


def _scenario(**tables: Any) -> Scenario:
    return Scenario.model_validate(tables)


def _model_name(call: Call) -> str:
    name: str = PredictRequest.FromString(call.body).model_spec.name
    return name


def test_without_classes_there_is_one_of_no_name(model: Model) -> None:
    payload = record_scenario(model, _scenario(payload=RANK), 0)
    assert (len(payload.calls), payload.order, payload.classes) == (2, (0, 1), ("",))
    assert payload.cycle == payload.calls
    assert {call.kind for call in payload.calls} == {0}
    assert {_model_name(call) for call in payload.calls} == {"default"}


def test_the_targets_model_name_is_asked_for(model: Model, write_records: WriteRecords, make_log: MakeLog) -> None:
    logged = {"source": "prediction_log", "file": str(write_records([make_log()])), "signature": "rank"}
    for payload in (RANK, logged):
        scenario = _scenario(payload=payload, target={"kind": "command", "command": "x", "model_name": "prod"})
        assert {_model_name(call) for call in record_scenario(model, scenario, 0).calls} == {"prod"}


def test_each_class_has_its_own_requests_and_its_share(
    model: Model, write_records: WriteRecords, make_log: MakeLog
) -> None:
    logs = [make_log(number=number) for number in range(3)] + [make_log("regress_log", "regress")]
    classes = {
        "small": {"weight": 70, "batch_size": 1},
        "large": {"weight": 20, "batch_size": 50, "distinct": 1},
        "logged": {"weight": 10, "source": "prediction_log", "file": str(write_records(logs)), "distinct": 4},
    }
    payload = record_scenario(model, _scenario(payload=RANK, classes=classes), 0)
    assert payload.classes == ("small", "large", "logged")
    assert [call.kind for call in payload.calls] == [0, 0, 1, 2, 2, 2, 2]
    assert [call.method for call in payload.calls] == [Method.PREDICT] * 6 + [Method.REGRESS]
    assert Counter(call.kind for call in payload.cycle) == {0: 28, 1: 8, 2: 4}
    rows = [len(decode(PredictRequest.FromString(call.body).inputs["ids"])) for call in payload.calls[:3]]
    assert rows == [1, 1, 50]
    assert record_scenario(model, _scenario(payload=RANK, classes=classes), 0) == payload


def test_a_class_keeps_its_data_whatever_stands_beside_it(model: Model) -> None:
    one = record_scenario(model, _scenario(payload=RANK, classes={"a": {}, "b": {}}), 0)
    other = record_scenario(model, _scenario(payload=RANK, classes={"c": {}, "b": {}}), 0)
    assert [call.body for call in one.calls[2:]] == [call.body for call in other.calls[2:]]
    assert len({call.body for call in one.calls}) == 4


def test_the_digest_covers_methods_lengths_bytes_and_order() -> None:
    calls = [Call(b"abc"), Call(b"d", Method.REGRESS)]
    framed = b"\x07Predict" + b"\x03" + bytes(7) + b"abc" + b"\x07Regress" + b"\x01" + bytes(7) + b"d"
    framed += b"\0" + b"\x03" + bytes(7) + bytes(8) + b"\x01" + bytes(7) + bytes(8)
    assert payload_digest(calls, (0, 1, 0)) == f"sha256:{hashlib.sha256(framed).hexdigest()}"
    others = [
        payload_digest(calls, (0, 0, 1)),
        payload_digest([Call(b"abcd"), Call(b"", Method.REGRESS)], (0, 1, 0)),
        payload_digest([Call(b"abc"), Call(b"d", Method.CLASSIFY)], (0, 1, 0)),
        payload_digest([*calls, Call(b"")], (0, 1, 0)),
    ]
    assert len({payload_digest(calls, (0, 1, 0)), *others}) == 5


def test_bytes_and_order_stay_what_stored_records_were_measured_with(model: Model) -> None:
    scenario = _scenario(payload=RANK | {"batch_size": 2}, classes={"a": {"weight": 3}, "b": {"batch_size": 1}})
    assert (
        record_scenario(model, scenario, 0).digest
        == "sha256:82af3dd0cd23d15d4ec9fc9456fa1340335cee50b1f22d80fd02e257027a3988"
    )


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"source": "warmup_assets"}, f"M has no warm-up requests: no {PLACE}"),
        ({"source": "prediction_log", "file": "gone"}, "gone cannot be read"),
        ({"signature": "ranc"}, "M has no signature 'ranc'"),
        ({"signature": "sparse"}, "input x of signature sparse is a sparse tensor, which a request cannot contain"),
    ],
)
def test_what_is_wrong_is_one_line_and_names_its_class(model: Model, payload: Any, problem: str) -> None:
    for tables, start in (({"payload": payload}, ""), ({"classes": {"c": payload}}, "class c: ")):
        with pytest.raises(UsageError) as caught:
            record_scenario(model, _scenario(**tables), 0)
        assert caught.value.problem.startswith(start + problem)
        assert "\n" not in caught.value.problem


def test_an_empty_file_is_refused(model: Model, write_records: WriteRecords) -> None:
    file = write_records([])
    for source, signature in (("prediction_log", "rank"), ("examples", "text")):
        scenario = _scenario(payload={"source": source, "file": str(file), "signature": signature})
        with pytest.raises(UsageError, match="records is empty: it contains no requests"):
            record_scenario(model, scenario, 0)


def test_settings_of_inputs_belong_to_random_ones(model: Model, write_records: WriteRecords, make_log: MakeLog) -> None:
    logged = {"source": "prediction_log", "file": str(write_records([make_log()]))}
    filled: dict[str, Any] = RANK | {"inputs": {"ids": {"high": 9}}}
    with pytest.raises(UsageError, match=r"payload\.inputs cannot be used with source"):
        record_scenario(model, _scenario(payload=filled | logged), 0)
    mixed = record_scenario(model, _scenario(payload=filled, classes={"random": {}, "logged": logged}), 0)
    assert len(mixed.calls) == 3


def test_too_many_classes_are_rejected(model: Model) -> None:
    classes = {f"c{number}": {"distinct": 1} for number in range(128)}
    with pytest.raises(UsageError, match="too many request classes: 128"):
        record_scenario(model, _scenario(payload=RANK, classes=classes), 0)


@pytest.fixture
def arms(make_model: Callable[..., Model], write_records: WriteRecords, make_log: MakeLog) -> dict[Arm, Model]:
    """Two versions, each with its own warm-up request."""
    for number, name in enumerate(("old", "new")):
        write_records([make_log(number=number)], f"{name}/{PLACE}")
    return {Arm.BASELINE: make_model("old"), Arm.CANDIDATE: make_model("new")}


WARM = _scenario(payload={"source": "warmup_assets", "signature": "rank"})


def test_both_arms_get_the_candidates_warm_up_requests(arms: dict[Arm, Model]) -> None:
    source = warmup_source(arms)
    assert source is arms[Arm.CANDIDATE]
    payloads = [record_scenario(model, WARM, 0, source) for model in arms.values()]
    assert payloads[0] == payloads[1]
    (call,) = payloads[0].calls
    assert decode(PredictRequest.FromString(call.body).inputs["ids"]).tolist() == [[1, 2]]
    assert record_scenario(arms[Arm.BASELINE], WARM, 0) != payloads[0]
    assert warmup_source({Arm.BASELINE: arms[Arm.BASELINE]}) is arms[Arm.BASELINE]


def test_differing_warm_up_requests_are_a_caution_where_they_are_sent(arms: dict[Arm, Model]) -> None:
    (caution,) = warmup_differences(arms, WARM)
    assert caution.code == CautionKind.WARMUP_ASSETS.code
    assert warmup_differences(arms, _scenario(payload=RANK)) == ()
    assert warmup_differences({Arm.CANDIDATE: arms[Arm.CANDIDATE]}, WARM) == ()
    warmup_file(arms[Arm.BASELINE]).write_bytes(warmup_file(arms[Arm.CANDIDATE]).read_bytes())
    assert warmup_differences(arms, WARM) == ()


def test_warm_up_requests_are_digested_and_counted(arms: dict[Arm, Model], model: Model) -> None:
    new = arms[Arm.CANDIDATE]
    assert warmup_digest(new) == f"sha256:{hashlib.sha256(warmup_file(new).read_bytes()).hexdigest()}"
    assert warmup_digest(new) != warmup_digest(arms[Arm.BASELINE])
    assert (warmup_kinds(new), warmup_kinds(model), warmup_digest(model)) == ((("predict_log", 1),), (), None)


@pytest.mark.slow
def test_sixteen_large_requests_are_made_in_no_time_and_without_tensorflow(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((16, 44_000), np.float32))
    program = f"""
import sys, time
from pathlib import Path
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.payload.record import record_scenario
from perfgate.payload.rest import rest_form
from perfgate.scenario.schema import Scenario
signature = Signature("s", "tensorflow/serving/predict", (TensorSpec("x", "float32", (None, 44000)),), ())
model = Model(Path(), "M", 1, "", 0, (), (signature,), ())
npz = {{"source": "npz", "file": {str(tmp_path / "x.npz")!r}, "signature": "s", "batch_size": 1}}
began = time.process_time()
payload = record_scenario(model, Scenario.model_validate({{"payload": npz}}), 0)
assert len(rest_form(payload).calls) == 16
print(time.process_time() - began, sorted({{"tensorflow", "grpc"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    cpu_s, modules = done.stdout.split(maxsplit=1)
    assert (float(cpu_s) < 5, modules.strip()) == (True, "[]")
