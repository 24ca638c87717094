from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.report.html.explanation import explanation_page, explanation_section, write_explanation
from perfgate.report.html.page import render_html
from tests.explain.samples import HOSTILE, SAMPLES, equal_models, extra_layer, hostile, not_traced
from tests.report import example
from tests.report.test_html import assert_keeps_to_itself


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_is_whole_and_fetches_nothing(name: str) -> None:
    assert_keeps_to_itself(explanation_page(SAMPLES[name]()))


def test_causes_come_with_evidence_and_remedy_in_order() -> None:
    text = explanation_section(extra_layer())
    places = [text.index(words) for words in (
        "One execution takes 1.96 ms instead of 1.73 ms",
        "<b>Operations were added in tower/extra",
        "added MatMul tower/extra/MatMul",
        "Remedy: decide whether they are worth their time",
        "<b>TensorFlow no longer fuses operations in tower/dense_2</b>: +0.015 ms",
        "<code>perfgate run</code> judges the trade",
        "Where the change is",
        "Ops that changed",
    )]  # fmt: skip
    assert places == sorted(places)


def test_every_chart_has_its_table() -> None:
    text = explanation_page(extra_layer())
    assert text.count("<summary>Data table</summary>") == text.count('role="img"') - 1  # the waterfall's is beside it
    assert re.search(r'id="waterfall-title".*<h3>Where the change is</h3>', text, re.DOTALL)
    assert 'role="img"' not in explanation_page(not_traced())


def test_no_cause_is_an_answer() -> None:
    text = explanation_page(equal_models())
    assert "No cause found. Looked at the times of 10 ops" in text
    assert "Ops that changed" not in text
    assert '<ol class="why">' not in text


def test_what_was_not_traced_shows_the_saved_models_at_once() -> None:
    text = explanation_page(not_traced())
    assert "<details open><summary>Saved models compared: 11 nodes added" in text
    assert "<details><summary>Saved models compared" in explanation_page(extra_layer())


def test_foreign_text_is_shown_and_does_nothing() -> None:
    text = explanation_page(hostile())
    assert text.count("<script") == 1
    assert text.count("&lt;script&gt;alert(1)") > 20
    assert HOSTILE not in text
    assert "{{ 7*7 }}" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_a_runs_page_has_the_section_only_with_an_explanation() -> None:
    failed = example.failing()
    section = explanation_section(extra_layer())
    page = render_html(replace(failed, explanation=extra_layer()))
    assert section in page
    assert '<li><a href="#why">Why</a></li>' in page
    assert page.index('id="gate"') < page.index('id="why"') < page.index('id="effects"')
    assert 'id="why"' not in render_html(failed)


def test_the_page_is_written_in_one_step(tmp_path: Path) -> None:
    path = write_explanation(extra_layer(), tmp_path / "out")
    assert [file.name for file in path.parent.iterdir()] == ["explain.html"]
    assert path.read_text(encoding="utf-8") == explanation_page(extra_layer())
