import json
import math
import re
from collections.abc import Callable

import pytest

from perfgate.baseline.record import MetricSummary, Record, from_json, metric_summaries, to_json
from perfgate.errors import UsageError
from perfgate.stats.summary import METHOD, ArmSummary, Typical

MakeRecord = Callable[..., Record]


def test_a_record_survives_the_way_to_json_and_back(make_record: MakeRecord) -> None:
    record = make_record(note="größer")
    assert from_json(to_json(record), "x") == record


def test_a_record_of_an_earlier_perfgate_is_read_as_one_of_its_rules(make_record: MakeRecord) -> None:
    typical = Typical((1.0, 2.0), "cost/execute", "cold", METHOD)
    data = json.loads(to_json(make_record(metrics={"execute_ms": MetricSummary(1.5, typical=typical)})))
    assert data["metrics"]["execute_ms"]["typical"].pop("method") == METHOD
    found = from_json(json.dumps(data), "x").metrics["execute_ms"].typical
    assert found is not None
    assert (found.replicas, found.method) == ((1.0, 2.0), 1)


def test_json_diffs_well(make_record: MakeRecord) -> None:
    text = to_json(make_record(metrics={"execute_ms": MetricSummary(1.23456789, (math.nan, 1e-9 / 3))}))
    data = json.loads(text)
    assert text == json.dumps(data, sort_keys=True, indent=2) + "\n"
    assert data["metrics"]["execute_ms"] == {
        "note": "", "replicas": [None, 3.33333e-10], "typical": None, "value": 1.23457,
    }  # fmt: skip
    assert data["model"]["size_bytes"] == 1234
    assert to_json(from_json(text, "x")) == text


def test_ids_sort_by_time_and_are_unique(make_record: MakeRecord) -> None:
    first = make_record()
    assert re.fullmatch(r"20260203T040506\.789Z-[0-9a-f]{12}", first.id)
    same_instant = make_record(created_utc="2026-02-03T06:05:06.789+02:00").id
    assert same_instant.partition("-")[0] == first.id.partition("-")[0]
    assert make_record(created_utc="2026-02-03T04:05:06.790Z").id > first.id
    others = [make_record(**c).id for c in ({"run_id": "r2"}, {"scenario_digest": "s"}, {"model_digest": "sha256:0"})]
    assert len({first.id, *others}) == 4
    assert make_record(note="words").id == first.id


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:40], "invalid baseline record: "),
        (lambda _: "[]", "invalid baseline record: "),
        (lambda text: text.replace('"seed": 7', '"seed": "many"'), "seed: Input should be a valid integer"),
        (lambda text: text.replace('"run_id"', '"run"'), "run_id: Field required"),
        (lambda text: text.replace("2026-02-03", "yesterday"), "Invalid isoformat"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 9'), "schema version 9"),
    ],
)
def test_a_broken_record_is_one_line_with_its_file(
    make_record: MakeRecord, damage: Callable[[str], str], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        from_json(damage(to_json(make_record())), "baselines/prod/x.json")
    assert caught.value.problem.startswith("baselines/prod/x.json: ")
    assert words in caught.value.problem
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_summaries_of_one_arm_are_kept() -> None:
    summaries = [
        ArmSummary("execute_ms", "baseline", 1.0, (1.0,)),
        ArmSummary("execute_ms", "candidate", 2.0, (2.0, 2.1)),
        ArmSummary("latency_p999_ms", "candidate", None, (), "too few requests"),
    ]
    assert metric_summaries(summaries, "candidate") == {
        "execute_ms": MetricSummary(2.0, (2.0, 2.1)),
        "latency_p999_ms": MetricSummary(None, (), "too few requests"),
    }
