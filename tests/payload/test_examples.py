from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfgate.errors import UsageError
from perfgate.model.interface import Model
from perfgate.model.messages import ClassificationRequest, PredictRequest, Proto, RegressionRequest
from perfgate.model.tensors import decode
from perfgate.payload.examples import example_calls
from perfgate.scenario.schema import Payload
from perfgate.trials import Call, Method

WriteRecords = Callable[..., Path]
MakeExample = Callable[[int], Proto]


def _calls(file: Path, model: Model, **settings: Any) -> list[Call]:
    return list(example_calls(file, model, Payload(source="examples", file=str(file), **settings), "ours"))


def test_predict_sends_them_serialized(model: Model, write_records: WriteRecords, make_example: MakeExample) -> None:
    records = [make_example(number).SerializeToString() for number in range(7)]
    calls = _calls(write_records(records), model, signature="text", batch_size=3)
    requests = [PredictRequest.FromString(call.body) for call in calls]
    assert [decode(request.inputs["examples"]).tolist() for request in requests] == [records[:3], records[3:6]]
    assert {(each.model_spec.name, each.model_spec.signature_name) for each in requests} == {("ours", "text")}
    assert {call.method for call in calls} == {Method.PREDICT}


@pytest.mark.parametrize(("method", "kind"), [("classify", ClassificationRequest), ("regress", RegressionRequest)])
def test_classify_and_regress_send_a_list(
    model: Model, write_records: WriteRecords, make_example: MakeExample, method: Any, kind: Any
) -> None:
    examples = [make_example(number) for number in range(4)]
    calls = _calls(write_records(examples), model, signature=method, method=method, batch_size=2, distinct=1)
    (request,) = (kind.FromString(call.body) for call in calls)
    assert list(request.input.example_list.examples) == examples[:2]
    assert (request.model_spec.name, request.model_spec.signature_name) == ("ours", method)
    assert [call.method for call in calls] == [Method(method.title())]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"signature": "rank"}, "signature rank of M does not take serialized tf.Examples: its inputs are country"),
        ({"signature": "regress", "method": "classify"}, "signature regress of M does not support Classify"),
        ({"signature": "tex"}, "M has no signature 'tex'"),
        ({"signature": "text", "batch_size": 5}, "contains 2 examples, fewer than payload.batch_size = 5"),
    ],
)
def test_what_does_not_fit_is_refused(
    model: Model, write_records: WriteRecords, make_example: MakeExample, settings: Any, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        _calls(write_records([make_example(0), make_example(1)]), model, **settings)


@pytest.mark.parametrize("record", [b"\xff\xff", b"\x12\x01a"])
@pytest.mark.parametrize("settings", [{"signature": "text"}, {"signature": "classify", "method": "classify"}])
def test_what_is_no_example_is_named_by_its_number(
    model: Model, write_records: WriteRecords, make_example: MakeExample, record: bytes, settings: Any
) -> None:
    file = write_records([make_example(0), record])
    with pytest.raises(UsageError, match=r"record 2 is not a tf\.Example"):
        _calls(file, model, batch_size=2, **settings)


def test_an_empty_file_gives_nothing(model: Model, write_records: WriteRecords) -> None:
    assert _calls(write_records([]), model, signature="text") == []
