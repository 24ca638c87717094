from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from perfgate.explain.explanation import Cause
from perfgate.report.formats.github import job_summary, workflow_commands
from perfgate.report.formats.github_syntax import SUMMARY_LIMIT
from perfgate.results.result import Result
from perfgate.trials import Caution
from tests.explain.samples import equal_models, extra_layer
from tests.report import example

RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table")


def test_only_what_failed_is_annotated() -> None:
    lines = workflow_commands(example.failing())
    assert all(line.startswith("::error title=perfgate ") for line in lines)
    assert len(lines) == 3
    assert any("execute_ms::+12" in line for line in lines)
    assert workflow_commands(example.passing()) == ()


def test_a_run_that_decides_nothing_has_one_line() -> None:
    (undecided,) = workflow_commands(example.inconclusive())
    assert undecided.startswith("::warning title=perfgate ")
    (invalid,) = workflow_commands(example.invalid())
    assert invalid.startswith("::error title=perfgate ")


@pytest.mark.parametrize("build", example.EVERY)
def test_an_annotation_is_one_command_whatever_its_strings_are(build: Callable[[], Result]) -> None:
    result = build()
    named = replace(result, scenario={**result.scenario, "name": "a,b::error::x\n::set-output name=a::b"})
    for each in (result, named):
        for line in workflow_commands(each):
            assert "\n" not in line
            title = line.split("::")[1]
            assert "," not in title.partition("title=")[2]


def test_the_percent_sign_is_escaped() -> None:
    (first, *_) = workflow_commands(example.failing())
    assert "% [" not in first
    assert "%25 [" in first


def test_the_summary_has_verdict_gate_and_the_command() -> None:
    text = job_summary([example.failing()])
    assert text.startswith("### ❌ FAIL ")
    assert "| ❌ fail | `cpu_ms_per_request` | +13.3% | [+12.3, +14.3] | 2.5% |" in text
    assert "`pss_mb`" not in text
    assert "again ` perfgate " in text
    shown = RENDERER.render(text)
    assert "<table>" in shown
    assert "<td>❌ fail</td>" in shown


@pytest.mark.parametrize("build", example.EVERY)
def test_strings_from_outside_are_text_in_the_summary(build: Callable[[], Result]) -> None:
    result = build()
    nasty = "<img src=x onerror=1> [a](http://b) ![c](d) `e` **f** | g\n# h\n- @someone https://i.example www.j.example"
    cause = Cause("x", nasty, nasty, (nasty,))
    explained = replace(extra_layer(), causes=(cause,))
    for each in (result, replace(result, cautions=(Caution("x", nasty, nasty),), explanation=explained)):
        text = job_summary([each])
        shown = RENDERER.render(text)
        for tag in ("<script", "<img", "<a ", "<svg", "<h1"):
            assert tag not in shown
    assert "https://i" not in text
    assert "www." not in text.replace("www&#46;", "")
    assert "@someone" not in text


def test_the_first_causes_follow_the_verdict() -> None:
    text = job_summary([replace(example.failing(), explanation=extra_layer())])
    lines = text.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("1. "))
    assert lines[place].startswith("1. Operations were added in tower/extra: +0.195 ms")
    assert [line[:3] for line in lines[place : place + 4]] == ["1. ", "2. ", "3. ", ""]
    assert place < next(number for number, line in enumerate(lines) if line.startswith("| verdict"))
    shown = RENDERER.render(text)
    assert shown.count("<ol>") == 1
    assert "<h3>❌ FAIL" in shown
    assert "<ol>" not in RENDERER.render(job_summary([replace(example.failing(), explanation=equal_models())]))


def test_what_does_not_fit_is_shortened_and_then_left_out() -> None:
    result = example.failing()
    whole = job_summary([result])
    assert len(whole.encode()) < SUMMARY_LIMIT
    short = job_summary([result], len(whole.encode()) - 1)
    assert short.startswith("### ❌ FAIL ")
    assert "|" not in short
    assert job_summary([result], 10) == ""


def test_perfgates_own_words_are_readable_without_rendering() -> None:
    words = "execute_ms moved by -1.3%; the verdict's own: 2.5% is accepted."
    text = job_summary([replace(example.failing(), cautions=(Caution("x", words, ""),))])
    assert f"- ⚠️ {words}\n" in text
