from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from math import inf
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.planning.check import PlanCheck
from perfgate.results.plan_check_document import from_json, json_schema, read, to_json, write
from tests.planning.answers import CHECKS, alone, check


@pytest.mark.parametrize("build", CHECKS.values(), ids=list(CHECKS))
def test_every_kind_of_check_comes_back(build: Callable[[], PlanCheck]) -> None:
    found = build()
    assert repr(from_json(to_json(found))) == repr(found), "NaN differs from itself, but not its text"


def test_missing_ends_are_null_and_come_back() -> None:
    endless = replace(check().promises[0], promised_lower=-inf, promised_upper=inf)
    found = replace(check(), promises=(endless, *alone().promises))
    text = to_json(found)
    tree = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert tree["promises"][0]["promised_upper"] is None
    assert repr(from_json(text)) == repr(found)


def test_write_and_read_by_directory_and_by_file(tmp_path: Path) -> None:
    path = write(check(), tmp_path / "out")
    assert [file.name for file in path.parent.iterdir()] == ["plan-check.json"]
    assert to_json(read(path.parent)) == to_json(read(path)) == to_json(check())


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "not a perfgate plan check"), ('{"schema_version": 2}', "this plan check has schema version 2")],
)
def test_what_is_no_check_is_a_usage_error_of_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        from_json(text)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_the_schema_says_what_every_key_means() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == {field.name for field in fields(PlanCheck)}
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    keys = [(table["title"], name, key) for table in tables for name, key in table["properties"].items()]
    assert [(table, name) for table, name, key in keys if not key["description"]] == []
    json.dumps(schema, allow_nan=False)
