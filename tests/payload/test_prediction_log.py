from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfgate.errors import UsageError
from perfgate.model.interface import Model
from perfgate.model.messages import (
    ClassificationRequest,
    MultiInferenceRequest,
    PredictionLog,
    PredictRequest,
    Proto,
    RegressionRequest,
)
from perfgate.payload.prediction_log import kinds_in, logged_calls
from perfgate.scenario.schema import Payload
from perfgate.trials import Call, Method

WriteRecords = Callable[..., Path]
MakeLog = Callable[..., Proto]
REQUESTS = {
    Method.PREDICT: PredictRequest,
    Method.CLASSIFY: ClassificationRequest,
    Method.REGRESS: RegressionRequest,
    Method.MULTI_INFERENCE: MultiInferenceRequest,
}


def _calls(file: Path, model: Model, signature: str = "rank", **settings: Any) -> list[Call]:
    spec = Payload(source="prediction_log", file=str(file), signature=signature, **settings)
    return list(logged_calls(file, model, spec, "ours"))


@pytest.mark.parametrize(
    ("kind", "method", "signature"),
    [
        ("predict_log", Method.PREDICT, "rank"),
        ("classify_log", Method.CLASSIFY, "classify"),
        ("regress_log", Method.REGRESS, "regress"),
        ("multi_inference_log", Method.MULTI_INFERENCE, "regress"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_each_kind_is_sent_to_our_model_and_else_as_it_was(  # noqa: PLR0917 - fixtures
    model: Model,
    write_records: WriteRecords,
    make_log: MakeLog,
    kind: str,
    method: Method,
    signature: str,
    named: bool,
) -> None:
    log = make_log(kind, signature if named else "")
    (call,) = _calls(write_records([log]), model, "rank" if named else signature)
    sent, logged = REQUESTS[method].FromString(call.body), getattr(log, kind).request
    for request in (sent, logged):
        holder = request.tasks[0] if method is Method.MULTI_INFERENCE else request
        if request is sent:
            assert (holder.model_spec.name, holder.model_spec.signature_name) == ("ours", signature)
            assert holder.model_spec.WhichOneof("choice") is None
        holder.ClearField("model_spec")
    assert (call.method, sent) == (method, logged)


def test_the_first_requests_are_taken(model: Model, write_records: WriteRecords, make_log: MakeLog) -> None:
    file = write_records([make_log(number=number) for number in range(5)])
    calls = _calls(file, model, distinct=3)
    assert [PredictRequest.FromString(call.body).inputs["ids"].int64_val[0] for call in calls] == [0, 1, 2]
    assert len(_calls(file, model)) == 5
    assert _calls(write_records([]), model) == []


def _without_input(request: Proto) -> None:
    del request.inputs["ids"]


def _misspelt_input(request: Proto) -> None:
    request.inputs["idz"].CopyFrom(request.inputs["ids"])
    del request.inputs["ids"]


def _extra_input(request: Proto) -> None:
    request.inputs["more"].dtype = 1


def _wrong_dtype(request: Proto) -> None:
    request.inputs["ids"].dtype = 3


def _no_tensor(request: Proto) -> None:
    request.inputs["ids"].int64_val.append(3)


def _wrong_output(request: Proto) -> None:
    request.output_filter.append("z")


def _wrong_signature(request: Proto) -> None:
    request.model_spec.signature_name = "ranc"


def _sparse_signature(request: Proto) -> None:
    request.model_spec.signature_name = "sparse"


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_without_input, "no input ids"),
        (_misspelt_input, "no input ids, but there is idz"),
        (_extra_input, "signature rank has no input more"),
        (_wrong_dtype, "input ids is int32, but the signature takes int64"),
        (_no_tensor, "input ids is not a valid tensor: 3 values do not fit shape [1, 2]"),
        (_wrong_signature, "M has no signature 'ranc'"),
        (_sparse_signature, "input x of signature sparse is a sparse tensor, which a request cannot contain"),
    ],
)
def test_a_predict_log_that_does_not_fit_is_named_by_its_number(
    model: Model, write_records: WriteRecords, make_log: MakeLog, spoil: Callable[[Proto], None], problem: str
) -> None:
    log = make_log()
    spoil(log.predict_log.request)
    file = write_records([make_log(), log])
    with pytest.raises(UsageError) as caught:
        _calls(file, model)
    assert caught.value.problem == f"{file}: record 2: {problem}"
    assert caught.value.remedy
    assert len(_calls(file, model, distinct=1)) == 1


def test_an_output_that_is_not_there_is_named(model: Model, write_records: WriteRecords, make_log: MakeLog) -> None:
    log = make_log()
    _wrong_output(log.predict_log.request)
    with pytest.raises(UsageError, match="record 1 requests output z, which signature rank does not have"):
        _calls(write_records([log]), model)


def _no_tasks(log: Proto) -> None:
    del log.multi_inference_log.request.tasks[:]


def _strange_task(log: Proto) -> None:
    log.multi_inference_log.request.tasks[0].method_name = "guess"


def _no_examples(log: Proto) -> None:
    getattr(log, log.WhichOneof("choice")).request.input.ClearField("example_list")


@pytest.mark.parametrize(
    ("kind", "spoil", "problem"),
    [
        ("multi_inference_log", _no_tasks, "record 1 has no tasks"),
        ("multi_inference_log", _strange_task, "record 1: a task's method is guess"),
        ("multi_inference_log", _no_examples, "record 1 has no examples"),
        ("regress_log", _no_examples, "record 1 has no examples"),
        ("classify_log", None, "record 1: signature regress of M does not support Classify"),
        ("session_run_log", None, "record 1 is a session_run_log; only predict_log, classify_log"),
    ],
)
def test_other_logs_that_do_not_fit_are_named_too(  # noqa: PLR0917 - fixtures
    model: Model, write_records: WriteRecords, make_log: MakeLog, kind: str, spoil: Any, problem: str
) -> None:
    log = make_log(kind)
    if spoil:
        spoil(log)
    with pytest.raises(UsageError, match=problem):
        _calls(write_records([log]), model, "regress")


@pytest.mark.parametrize(
    ("record", "problem"),
    [(b"\xff\xff\xff", "record 1 is not a PredictionLog"), (b"", "record 1 is not the log of a request; only")],
)
def test_what_is_no_log_is_named(model: Model, write_records: WriteRecords, record: bytes, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        _calls(write_records([record]), model)


def test_kinds_are_counted(write_records: WriteRecords, make_log: MakeLog) -> None:
    logs = [make_log(), make_log("session_run_log"), make_log(), PredictionLog()]
    assert kinds_in(write_records(logs)) == (("empty", 1), ("predict_log", 2), ("session_run_log", 1))
