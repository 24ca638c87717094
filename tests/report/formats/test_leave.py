"""Accepted regressions and warn-only failures, in every report."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from perfgate.gate.verdict import Verdict
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.formats.choose import FORMATS
from perfgate.report.formats.github import workflow_commands
from perfgate.report.html.page import render_html
from perfgate.report.rows import accepted_rows, gate_rows, in_order
from perfgate.report.sentences import power_sentence, sentence, warning_sentence
from perfgate.report.terminal.result import final_line, print_result
from perfgate.results import document
from perfgate.results.result import Result
from tests.report import example


def _rendered(form: str, result: Result | None = None) -> str:
    return FORMATS[form].render(result or example.lenient(), Path()).decode()


def _printed(result: Result, *, colour: bool = False) -> str:
    stream = io.StringIO()
    print_result(Console(file=stream, width=120, force_terminal=colour, _environ={"TERM": "xterm"}), result)
    return stream.getvalue()


def _failing() -> Result:
    """Add a failure that is an error to the warnings."""
    result = example.lenient()
    assert result.judgement
    metrics = tuple(
        replace(each, verdict=Verdict.FAIL) if each.metric == "cpu_ms_per_request" else each
        for each in result.judgement.metrics
    )
    return replace(result, judgement=replace(result.judgement, verdict=Verdict.FAIL, metrics=metrics))


def test_the_final_line_has_both_after_the_verdict() -> None:
    line = final_line(example.lenient(), None)
    assert line.startswith("PASS execute_ms +20.2% [+19.2, +21.1] <= 25%; ")
    assert "; accepted: execute_ms +20.2% (until 2027-03-01, own tolerance 2.5%); " in line
    assert line.endswith("; warning: throughput_rps -11.9% [-14.5, -9.2] < -4.76%, latency_p99_ms 11.3 ms > 10 ms")


def test_errors_come_before_warnings_and_those_before_what_is_not_gated() -> None:
    rows = gate_rows(example.lenient())
    assert [row.severity.value for row in rows] == sorted(
        (r.severity.value for r in rows), key=("error", "warn", "off").index
    )
    words = {row.metric: row.word for row in rows}
    assert (words["execute_ms"], words["throughput_rps"], words["latency_p90_ms"]) == ("accepted", "warn", "pass")
    assert [(row.metric, row.word, row.own_tolerance) for row in accepted_rows(example.lenient())] == [
        ("execute_ms", "accepted", "2.5%"),
        ("rss_peak_mb", "not needed", "5%"),
    ]


def test_the_terminal_shows_them_and_no_warning_in_red() -> None:
    words = _printed(example.lenient())
    assert re.search(r"execute_ms .* 25%  accepted", words)
    assert re.search(r"throughput_rps .*WARN", words)
    assert re.search(r"latency_p99_ms  at most 10 ms .*WARN", words)
    assert "execute_ms +20.2%: up to 25% until 2027-03-01 instead of 2.5%. jo: the new tower pays for it" in words
    assert words.index("rss_peak_mb") < words.index("warn-only") < words.index("throughput_rps")
    assert "\x1b[1;31m" not in _printed(example.lenient(), colour=True)
    assert "\x1b[1;31m" in _printed(_failing(), colour=True)


def test_sentences_say_who_counts() -> None:
    said = sentence(example.lenient())
    assert "no worse than its baseline in 3 gated metrics" in said
    assert (
        "execute_ms changed by +20.2%; up to 25% is accepted until 2027-03-01, instead of its own tolerance of 2.5%"
        in said
    )
    assert said.endswith("It meets 1 objective.")
    assert "throughput_rps" not in said
    assert warning_sentence(example.lenient()).startswith("2 warnings, not part of the verdict: throughput_rps")
    assert warning_sentence(example.passing()) == ""
    power = power_sentence(example.lenient())
    assert "At most 1% of runs raise a false alarm, shared by 4 metrics" in power
    assert "At most 1% of runs raise a false warning, shared by 2 metrics" in power
    assert "throughput_rps -" in power


def test_a_failure_mentions_only_what_counts() -> None:
    assert "cpu_ms_per_request" in sentence(_failing())
    assert "throughput_rps" not in sentence(_failing())


def test_junit_skips_a_warning_and_lets_an_accepted_one_pass() -> None:
    suite = ET.fromstring(_rendered("junit")).find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    assert {key: suite.attrib[key] for key in ("failures", "errors", "skipped")} == {
        "failures": "0",
        "errors": "0",
        "skipped": "2",
    }
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    warned = cases["throughput_rps"].find("skipped")
    assert warned is not None
    assert warned.attrib["message"].startswith("warning: -11.9%")
    assert cases["objective latency_p99_ms"].find("skipped") is not None
    accepted = cases["execute_ms"].findtext("system-out") or ""
    assert "accepted: up to 25% until 2027-03-01 instead of 2.5%. jo: the new tower pays for it" in accepted
    properties = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert properties["accepted.execute_ms"] in accepted
    assert properties["accepted.rss_peak_mb"].startswith("not needed: ")


def test_github_annotates_warnings_as_warnings_beside_errors() -> None:
    lines = workflow_commands(example.lenient())
    assert [line.split(" ")[0] for line in lines] == ["::warning", "::warning"]
    assert [line.split(" ")[0] for line in workflow_commands(_failing())] == ["::error", "::warning", "::warning"]
    open_ = example.lenient()
    assert open_.judgement
    open_ = replace(open_, judgement=replace(open_.judgement, verdict=Verdict.INCONCLUSIVE))
    first, *others = workflow_commands(open_)
    assert first.startswith("::warning title=perfgate ranker%3A INCONCLUSIVE::")
    assert len(others) == 2


def test_the_job_summary_has_words_and_reasons() -> None:
    text = _rendered("markdown")
    assert "| ☑️ accepted | `execute_ms` |" in text
    assert "| ⚠️ warn | `throughput_rps` |" in text
    assert "| ✅ pass (warn-only) | `latency_p90_ms` |" in text
    assert "| accepted: `execute_ms` | +20.2% | 25% | 2.5% | 2027-03-01 | jo | the new tower pays for it |" in text
    assert "❌" not in text


def test_open_metrics_name_severity_and_acceptance() -> None:
    text = _rendered("openmetrics")
    assert 'kind="change",metric="throughput_rps",scenario="ranker",severity="warn",verdict="fail"} 1.0\n' in text
    assert 'perfgate_accepted{metric="execute_ms",needed="true",scenario="ranker",until="2027-03-01"} 0.25\n' in text
    assert 'metric="rss_peak_mb",needed="false",scenario="ranker",until="2027-03-01"} 0.25\n' in text


@pytest.mark.slow
def test_the_page_has_a_section_and_no_red() -> None:
    page = render_html(example.lenient())
    assert '<section id="accepted">' in page
    assert "the new tower pays for it" in page
    assert '<td class="verdict warn">' in page
    assert '<td class="verdict accepted">' in page
    assert "own 2.5%" in page
    assert "until 2027-03-01" in page
    assert "2027\N{MINUS SIGN}03" not in page
    assert COLOURS["fail"] not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert '<section id="accepted">' not in render_html(example.passing())


def test_a_hostile_reason_does_nothing() -> None:
    nasty = f"{example.HOSTILE}\n| ::error::x & `y` [bold]\x1b[31m"
    result = example.lenient(reason=nasty)
    assert "<script>alert" not in render_html(result)
    assert "<script>" not in _rendered("markdown", result)
    assert not re.search(r"^::error", _rendered("markdown", result), flags=re.MULTILINE)
    ET.fromstring(_rendered("junit", result))  # noqa: S314 - our own
    assert "\x1b" not in _printed(result)


@pytest.mark.parametrize("build", [example.lenient, example.passing])
def test_it_is_read_back_as_it_was_written(build: object) -> None:
    assert callable(build)
    result = build()
    again = document.from_json(document.to_json(result))
    assert in_order(again) == in_order(result)
    assert again.judgement == result.judgement


@pytest.mark.slow
def test_a_result_of_before_is_read_and_all_that_was_gated_counts() -> None:
    text = document.to_json(example.failing())
    old = re.sub(r'(,\n\s*"severity": "(error|off)"|,\n\s*"accepted": null|,\n\s*"warnings": \[\])', "", text)
    assert '"severity"' not in old.split('"scenario"')[0] + old.split('"judgement"')[1]
    assert '"accepted"' not in old.split('"judgement"')[1]
    again = document.from_json(old)
    assert [row.severity.value for row in gate_rows(again)] == ["error"] * 4 + ["off"] * 7
    assert [row.word for row in gate_rows(again)] == [row.word for row in gate_rows(example.failing())]
    assert render_html(again).count("accepted") == render_html(example.failing()).count("accepted")


def test_of_an_invalid_run_every_case_is_void_and_keeps_what_it_is_a_case_of() -> None:
    result = example.lenient()
    assert result.judgement
    voided = replace(result, judgement=replace(result.judgement, verdict=Verdict.INVALID, reasons=("too many failed",)))
    series = [line.rpartition(" ")[0] for line in _rendered("openmetrics", voided).splitlines() if line[0] != "#"]
    assert len(set(series)) == len(series)
    late = 'kind="objective",metric="latency_p99_ms",scenario="ranker",severity="warn",verdict="invalid"'
    assert late in "".join(series)
    found = ET.fromstring(_rendered("junit", voided)).findall(".//testcase")  # noqa: S314 - our own
    assert all(case.find("error") is not None for case in found)
    names = [case.get("name") for case in found]
    assert len(set(names)) == len(names)
    assert {"throughput_rps", "objective throughput_rps"} <= set(names)
