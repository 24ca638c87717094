from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from math import inf, isnan, nan
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.planning.answer import PlanAnswer
from perfgate.results.plan_document import from_json, json_schema, read, to_json, write
from tests.planning.answers import SAMPLES, no_numbers, one_dimension, passes, two_dimensions


@pytest.mark.parametrize("build", SAMPLES.values(), ids=list(SAMPLES))
def test_every_kind_of_answer_comes_back(build: Callable[[], PlanAnswer]) -> None:
    answer = build()
    assert repr(from_json(to_json(answer))) == repr(answer), "NaN differs from itself, but not its text"


def test_unknown_numbers_and_missing_ends_are_null_and_come_back() -> None:
    answer = two_dimensions()
    assert answer.scale
    limits = answer.scale.limits
    odd = replace(limits[0].points[0], ratio=nan, ratio_lower=-inf, ratio_upper=inf)
    answer = replace(answer, scale=replace(answer.scale, limits=(replace(limits[0], points=(odd,)), *limits[1:])))
    text = to_json(answer)
    tree = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert tree["scale"]["limits"][0]["upper"] is None
    assert tree["scale"]["limits"][0]["points"][0]["ratio_lower"] is None
    assert repr(from_json(text)) == repr(answer)
    nothing = from_json(to_json(no_numbers()))
    assert (nothing.objectives[0].lower, nothing.objectives[0].upper) == (-inf, inf)
    assert isnan(nothing.objectives[0].value)
    assert (nothing.promises[0].lower, nothing.promises[0].upper) == (-inf, inf)


def test_the_capacity_inside_is_restored_too() -> None:
    answer = passes()
    assert answer.capacity
    (arm,) = answer.capacity.arms
    answer = replace(answer, capacity=replace(answer.capacity, arms=(replace(arm, upper_rps=inf),)))
    after = from_json(to_json(answer))
    assert after.capacity
    assert after.capacity.arms[0].upper_rps == inf


def test_an_answer_without_later_keys_still_loads() -> None:
    tree = json.loads(to_json(one_dimension()))
    for key in ("scale", "notes", "seconds", "fingerprint"):
        del tree[key]
    after = from_json(json.dumps(tree))
    assert after.scale is None
    assert isnan(after.seconds)


def test_write_and_read_by_directory_and_by_file(tmp_path: Path) -> None:
    path = write(passes(), tmp_path / "out")
    assert [file.name for file in path.parent.iterdir()] == ["plan.json"]
    assert to_json(read(path.parent)) == to_json(read(path)) == to_json(passes())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not a perfgate plan"),
        ("[]", "it has no schema_version"),
        ('{"schema_version": 1}', "plan_id"),
        ('{"schema_version": 2}', "this plan has schema version 2"),
    ],
)
def test_what_is_no_answer_is_a_usage_error_of_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        from_json(text)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_the_schema_says_what_every_key_means() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == {field.name for field in fields(PlanAnswer)}
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    assert {table["title"] for table in tables} >= {"ObjectiveAnswer", "Promise", "Profile", "ScaleLimit", "Unseen"}
    keys = [(table["title"], name, key) for table in tables for name, key in table["properties"].items()]
    assert [(table, name) for table, name, key in keys if not key["description"]] == []
    json.dumps(schema, allow_nan=False)
