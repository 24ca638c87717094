from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.explain.explanation import Explanation, Interval
from perfgate.results import document, explanation_document
from perfgate.results.explanation_document import from_json, json_schema, read, to_json, write
from tests.explain.samples import SAMPLES, extra_layer
from tests.report import example


@pytest.mark.parametrize("build", SAMPLES.values(), ids=list(SAMPLES))
def test_every_kind_of_explanation_comes_back(build: Callable[[], Explanation]) -> None:
    assert from_json(to_json(build())) == build()


def test_unknown_numbers_are_null_and_come_back_as_nan() -> None:
    found = extra_layer()
    assert found.attribution
    unknown = replace(
        found.attribution, execute_ms=(math.nan, 1.5), tracing_overhead=Interval(0.02, -math.inf, math.inf)
    )
    text = to_json(replace(found, attribution=unknown))
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    after = from_json(text).attribution
    assert after
    assert [math.isnan(each) for each in after.execute_ms] == [True, False]
    assert (after.tracing_overhead.estimate, math.isnan(after.tracing_overhead.low)) == (0.02, True)


def test_write_and_read_by_directory_and_by_file(tmp_path: Path) -> None:
    path = write(extra_layer(), tmp_path / "out")
    assert [file.name for file in path.parent.iterdir()] == ["explain.json"]
    assert read(path.parent) == read(path) == extra_layer()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not a perfgate explanation"),
        ("[]", "it has no schema_version"),
        ('{"schema_version": 1}', "models"),
        ('{"schema_version": 2}', "this explanation has schema version 2"),
    ],
)
def test_what_is_no_explanation_is_a_usage_error_of_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        from_json(text)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_a_missing_file_is_a_usage_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the explanation .*explain\.json") as caught:
        read(tmp_path)
    assert "explain.json" in caught.value.remedy


def test_the_schema_says_what_every_key_means() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == {field.name for field in fields(Explanation)}
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    keys = [(table["title"], name, key) for table in tables for name, key in table["properties"].items()]
    assert [(table, name) for table, name, key in keys if not key["description"]] == []
    assert schema["$defs"]["Interval"]["properties"]["low"]["type"] == ["number", "null"]
    json.dumps(schema, allow_nan=False)


def test_a_result_carries_its_explanation_and_one_without_still_loads() -> None:
    explained = replace(example.passing_small(), explanation=extra_layer())
    text = document.to_json(explained)
    assert document.from_json(text).explanation == extra_layer()
    tree = json.loads(text)
    assert tree["explanation"] == json.loads(explanation_document.to_json(extra_layer()))
    del tree["explanation"]
    assert document.from_json(json.dumps(tree)).explanation is None
