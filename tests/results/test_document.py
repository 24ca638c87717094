from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.cautions import CautionKind
from perfgate.errors import UsageError
from perfgate.report.html.page import render_html
from perfgate.results import document
from perfgate.results.result import Result, TrialColumns
from tests.report import example

_ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def _same(left: object, right: object) -> bool:
    """Compare with NaN equal to NaN, and trial columns at 6 digits."""
    if is_dataclass(left) and not isinstance(left, type):
        pairs = ((getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
        return type(left) is type(right) and all(_same(a, b) for a, b in pairs)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=6e-6) or (not math.isfinite(left) and math.isnan(right))
    return left == right


@pytest.mark.parametrize("build", example.EVERY)
def test_every_kind_of_result_comes_back(build: Callable[[], Result]) -> None:
    result = build()
    assert _same(result, document.from_json(document.to_json(result)))


@pytest.mark.slow
@given(
    numbers=st.lists(_ANY_FLOAT, min_size=11, max_size=11),
    replicas=st.lists(_ANY_FLOAT, max_size=4),
    column=st.lists(st.none() | _ANY_FLOAT, max_size=6),
)
def test_numbers_come_back_and_infinities_as_nan(
    numbers: list[float], replicas: list[float], column: list[float | None]
) -> None:
    before = example.passing_small()
    assert before.judgement
    metric = before.judgement.metrics[0]
    names = ("change", "lower", "upper", "alpha", "log_change", "log_se", "df", "baseline_value", "candidate_value")
    values: dict[str, Any] = dict(zip(names, numbers, strict=False))
    effect = replace(metric.effect, baseline_replicas=tuple(replicas), **values)
    judgement = replace(before.judgement, metrics=(replace(metric, effect=effect, detectable=numbers[-1]),))
    trials = TrialColumns(start_s=tuple(numbers), cpu_ms=tuple(column))
    result = replace(before, judgement=judgement, trials=trials, wall_s=numbers[-2])
    after = document.from_json(document.to_json(result))
    assert _same(replace(result, trials=TrialColumns()), replace(after, trials=TrialColumns()))
    assert _same(result.trials.start_s, after.trials.start_s)
    unknown = tuple(value is None or not math.isfinite(value) for value in column)
    assert tuple(value is None for value in after.trials.cpu_ms) == unknown


@pytest.mark.slow
@given(st.floats(min_value=1e-12, max_value=1e15))
def test_columns_keep_six_digits_in_few_characters(value: float) -> None:
    trials = TrialColumns(start_s=(value, -value))
    text = document.to_json(replace(example.passing_small(), trials=trials))
    kept = json.loads(text)["trials"]["start_s"]
    assert kept == [float(f"{kept[0]:.6g}"), float(f"{kept[1]:.6g}")]
    assert kept[0] == pytest.approx(value, rel=5.1e-6)
    assert kept[1] == -kept[0]


def test_writing_again_what_was_read_changes_nothing() -> None:
    text = document.to_json(example.failing())
    assert document.to_json(document.from_json(text)) == text


def test_the_document_is_strict_json_with_a_column_a_line() -> None:
    text = document.to_json(example.one_replica())
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert '\n  "arm": ["' in text
    assert max(text.count("\n"), 1) < 2000


def test_a_newer_schema_is_a_usage_error_with_a_remedy() -> None:
    text = document.to_json(example.passing_small()).replace('"schema_version": 1', '"schema_version": 2')
    with pytest.raises(UsageError, match="schema version 2") as caught:
        document.from_json(text)
    assert "upgrade perfgate" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not a perfgate result"),
        ("[" * 100_000, "not a perfgate result"),
        ("[]", "no schema_version"),
        ('{"schema_version": 1}', "run_id"),
    ],
)
def test_what_is_no_result_is_a_usage_error_of_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        document.from_json(text)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_write_and_read_by_directory_and_by_file(tmp_path: Path) -> None:
    result = example.failing()
    path = document.write(result, tmp_path / "run")
    assert path == tmp_path / "run" / "result.json"
    assert [file.name for file in path.parent.iterdir()] == ["result.json"]
    assert _same(document.read(path.parent), document.read(path))
    assert _same(result, document.read(path))


def test_a_failed_write_leaves_the_old_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = document.write(example.passing_small(), tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        document.write(example.failing(), tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_missing_result_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the result"):
        document.read(tmp_path)


def test_the_schema_names_the_fields_of_a_result() -> None:
    schema = document.json_schema()
    assert set(schema["properties"]) == {field.name for field in fields(Result)}
    assert "Effect" in schema["$defs"]
    assert schema["$defs"]["Effect"]["properties"]["change"]["type"] == ["number", "null"]


def test_the_schema_is_json_to_every_reader() -> None:
    """`NaN` is not JSON (RFC 8259, section 6)."""
    json.dumps(document.json_schema(), allow_nan=False)


def test_the_schema_says_what_every_key_means() -> None:
    schema = document.json_schema()
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    keys = [(table["title"], name, key) for table in tables for name, key in table["properties"].items()]
    assert [(table, name) for table, name, key in keys if not key["description"]] == []
    assert len(keys) > 150
    log_se = schema["$defs"]["Effect"]["properties"]["log_se"]
    assert log_se["description"] == "Standard error of the change, on the same scale."
    assert not any("None" in key["description"] for _, _, key in keys)


def test_the_published_schema_is_current() -> None:
    published = Path(__file__).resolve().parents[2] / "docs" / "reference" / "result.schema.json"
    text = json.dumps(document.json_schema(), indent=1) + "\n"
    assert published.read_text(encoding="utf-8") == text, "write it again: make docs"


def test_a_result_of_an_earlier_perfgate_is_read_and_shown() -> None:
    """Before payloads, optional metrics, the lasting part of an error, and the present spelling of a code."""
    result = replace(example.passing(), cautions=(CautionKind.WARMUP_ASSETS.caution(),))
    tree = json.loads(document.to_json(result))
    for key in ("payload_shares", "payload_changes"):
        del tree[key]
    for metric in tree["judgement"]["metrics"]:
        del metric["required"], metric["effect"]["lasting_se"]
    for summary in tree["summaries"]:
        assert "typical" in summary
        summary["typical"] = {"replicas": [1.0, 2.0], "source": "load/request", "state": "under load"}
    tree["cautions"][0]["code"] = "warmup_assets"
    found = document.from_json(json.dumps(tree))
    assert (found.payload_shares, found.payload_changes, found.cautions) == ((), (), result.cautions)
    assert found.judgement
    assert all(metric.required and math.isnan(metric.effect.lasting_se) for metric in found.judgement.metrics)
    assert {summary.typical.method for summary in found.summaries if summary.typical} == {1}
    page = render_html(found)
    assert "Change per payload" not in page
    assert "p99 and beyond, memory and starts are one number per server" in page, "by the rules of its time"
