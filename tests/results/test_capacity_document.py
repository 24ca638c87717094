from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from math import inf, isnan
from pathlib import Path

import pytest

from perfgate.capacity.answer import ArmCapacity, CapacityAnswer, CapacityChange
from perfgate.capacity.servers_needed import servers_needed
from perfgate.errors import UsageError
from perfgate.gate.verdict import Verdict
from perfgate.results.capacity_document import from_json, json_schema, read, to_json, write
from tests.capacity.answers import SAMPLES, below, one_arm, two_arms


@pytest.mark.parametrize("build", SAMPLES.values(), ids=list(SAMPLES))
def test_every_kind_of_answer_comes_back(build: Callable[[], CapacityAnswer]) -> None:
    answer = build()
    answer = replace(answer, needs=servers_needed(answer, 3e5, 0.3, 2))
    after = from_json(to_json(answer))
    assert repr(after) == repr(answer), "NaN differs from itself, but not its text"


def test_unknown_numbers_and_missing_ends_are_null() -> None:
    change = CapacityChange(-0.1, -inf, inf, 0.05, Verdict.INCONCLUSIVE)
    answer = replace(two_arms(), change=change)
    text = to_json(replace(answer, needs=servers_needed(answer, 3e5, 0.3, 2)))
    tree = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert tree["change"]["lower"] is None
    after = from_json(text)
    assert after.change == change
    assert after.needs
    assert after.needs.change
    assert after.needs.change.upper == inf
    assert isnan(from_json(to_json(below())).arms[0].holds_rps)


def test_an_answer_without_later_keys_still_loads() -> None:
    tree = json.loads(to_json(one_arm()))
    del tree["needs"]
    del tree["fingerprint"]
    del tree["arms"][0]["unloaded_ms"]
    after = from_json(json.dumps(tree))
    assert after.needs is None
    assert isnan(after.arms[0].unloaded_ms)


def test_write_and_read_by_directory_and_by_file(tmp_path: Path) -> None:
    path = write(two_arms(), tmp_path / "out")
    assert [file.name for file in path.parent.iterdir()] == ["capacity.json"]
    assert to_json(read(path.parent)) == to_json(read(path)) == to_json(two_arms())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not a perfgate capacity"),
        ("[]", "it has no schema_version"),
        ('{"schema_version": 1}', "run_id"),
        ('{"schema_version": 2}', "this capacity has schema version 2"),
    ],
)
def test_what_is_no_answer_is_a_usage_error_of_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        from_json(text)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_the_schema_says_what_every_key_means() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == {field.name for field in fields(CapacityAnswer)}
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    assert {table["title"] for table in tables} >= {ArmCapacity.__name__, "Fleet", "Point"}
    keys = [(table["title"], name, key) for table in tables for name, key in table["properties"].items()]
    assert [(table, name) for table, name, key in keys if not key["description"]] == []
    assert schema["$defs"]["ArmCapacity"]["properties"]["upper_rps"]["type"] == ["number", "null"]
    json.dumps(schema, allow_nan=False)
