"""Differences between then and now, and between the models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.report.html.differences import environment_rows, flat, model_rows, settings_differ
from perfgate.report.html.page import render_html
from perfgate.results.result import RecordFacts
from perfgate.trials import Arm
from tests.report import example
from tests.report.kinds import KINDS, page


def test_changed_facts_stand_first_and_say_whether_they_decide() -> None:
    rows = environment_rows(KINDS["measured_again"]())
    assert [(row.name, row.baseline, row.candidate) for row in rows if row.changed] == [
        ("cores", "4", "2"),
        ("kernel", "6.0.9", "6.1.0"),
        ("variables.TF_ENABLE_ONEDNN_OPTS", "\N{EN DASH}", "1"),
    ]
    assert [row.changed for row in rows] == sorted((row.changed for row in rows), reverse=True)
    assert rows[0].note == "part of the fingerprint: stored numbers are not comparable"
    (load,) = (row for row in rows if row.name == "load_average")
    assert (load.changed, load.note) == (False, "varies between runs")


def test_without_a_record_there_is_no_then() -> None:
    assert environment_rows(example.passing()) == ()
    assert not settings_differ(example.passing())


def test_settings_differ_where_the_fingerprint_does_and_no_stable_fact() -> None:
    result = KINDS["measured_again"]()
    assert result.record
    assert not settings_differ(result)
    same = RecordFacts("prod/x", result.record.created_utc, "sha256:0e", {**result.environment, "kernel": "5"})
    assert settings_differ(replace(result, record=same))
    assert "settings differ." in render_html(replace(result, record=same))


def test_models_are_compared_fact_by_fact() -> None:
    result = example.passing()
    rows = {row.name: row for row in model_rows(result)}
    assert rows["size"].changed
    assert (rows["version"].baseline, rows["version"].candidate) == ("1", "2")
    same = replace(result, models=dict.fromkeys(result.models, result.models[Arm.CANDIDATE]))
    assert not any(row.changed for row in model_rows(same))
    assert model_rows(example.no_baseline()) == ()


def test_the_model_of_stored_numbers_is_the_records() -> None:
    rows = {row.name: row for row in model_rows(KINDS["stored_numbers"]())}
    assert (rows["named"].baseline, rows["size"].baseline) == ("models/ranker/1", "14.2 MiB")
    assert rows["version"].changed


@pytest.mark.slow
def test_the_page_marks_what_changed_by_word_and_shape_and_folds_the_rest() -> None:
    text = page("measured_again")
    part = text[text.index('id="differences"') : text.index('id="plan"')]
    assert part.count("◆ changed") == 4 + 3
    assert 'id="environment"' not in text
    folded = part[part.index("<details>") :]
    assert "tensorflow" in folded
    assert "6.0.9" not in folded
    unchanged = page("stored_numbers")
    assert "Nothing in the environment changed." in unchanged


def test_nested_facts_are_rows_of_text() -> None:
    assert dict(flat({"a": {"b": [1, 2], "c": None}, "d": True, "e": 1})) == {
        "a.b": "1 2",
        "a.c": "\N{EN DASH}",
        "d": "yes",
        "e": "1",
    }
