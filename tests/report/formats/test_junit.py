from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from perfgate.gate.verdict import Verdict
from perfgate.report.formats.junit import junit
from perfgate.results.result import Result
from tests.report import example


def _suite(*results: Result) -> ET.Element:
    suite = ET.fromstring(junit(results)).find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    return suite


def _outcomes(suite: ET.Element) -> dict[str, list[str]]:
    return {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}


def test_a_regression_is_a_failure_and_what_holds_is_not() -> None:
    suite = _suite(example.failing())
    outcomes = _outcomes(suite)
    assert outcomes["cpu_ms_per_request"] == ["failure"]
    assert outcomes["rss_peak_mb"] == ["system-out"]
    assert "pss_mb" not in outcomes, "not gated"
    failure = suite.find("testcase[@name='cpu_ms_per_request']/failure")
    assert failure is not None
    assert failure.attrib == {"message": "+13.3% [+12.3, +14.3] > 2.5%", "type": "regression"}
    assert "detectable in 4 of 5 runs" in (failure.text or "")


def test_an_inconclusive_metric_is_skipped_with_what_would_decide_it() -> None:
    outcomes = _outcomes(suite := _suite(example.inconclusive()))
    skipped = [name for name, tags in outcomes.items() if tags == ["skipped"]]
    assert skipped
    assert suite.attrib["skipped"] == str(len(skipped))
    assert suite.attrib["failures"] == suite.attrib["errors"] == "0"


@pytest.mark.parametrize("build", [example.invalid, example.interrupted])
def test_a_run_that_cannot_be_judged_is_an_error_in_every_case(build: Callable[[], Result]) -> None:
    suite = _suite(build())
    assert set(map(tuple, _outcomes(suite).values())) == {("error",)}
    assert suite.attrib["errors"] == suite.attrib["tests"] != "0"


def test_a_verdict_that_no_metric_explains_is_a_case_of_its_own() -> None:
    result = example.passing()
    assert result.judgement is not None
    missing = replace(result.judgement, verdict=Verdict.INCONCLUSIVE, reasons=("load_time_s has no data",))
    outcomes = _outcomes(_suite(replace(result, judgement=missing)))
    assert outcomes["run"] == ["skipped"]
    assert outcomes["execute_ms"] == ["system-out"]


def test_of_a_metric_of_which_more_is_better_less_is_the_failure() -> None:
    result = example.failing()
    assert result.judgement is not None
    fewer = next(each for each in result.judgement.metrics if each.metric == "throughput_rps")
    metrics = (replace(fewer, gated=True, verdict=Verdict.FAIL),)
    suite = _suite(replace(result, judgement=replace(result.judgement, metrics=metrics)))
    failure = suite.find("testcase[@name='throughput_rps']/failure")
    assert failure is not None
    assert re.fullmatch(r"-\d+\.\d% \[-.*\] < -4\.76%", failure.attrib["message"])


def test_objectives_are_cases_too() -> None:
    outcomes = _outcomes(_suite(example.no_baseline()))
    assert outcomes
    assert all(name.startswith("objective ") for name in outcomes)


def test_several_scenarios_are_several_suites_and_add_up() -> None:
    both = (example.failing(), example.passing())
    root = ET.fromstring(junit(both))  # noqa: S314 - our own
    suites = root.findall("testsuite")
    assert len(suites) == 2
    for name in ("tests", "failures", "errors", "skipped"):
        assert int(root.attrib[name]) == sum(int(suite.attrib[name]) for suite in suites)
    assert float(root.attrib["time"]) == pytest.approx(sum(result.wall_s for result in both), abs=1e-3)


@pytest.mark.parametrize("build", example.EVERY)
def test_every_result_is_well_formed_whatever_its_strings_are(build: Callable[[], Result]) -> None:
    suite = _suite(build())
    counted = sum(int(suite.attrib[name]) for name in ("failures", "errors", "skipped"))
    outcomes = _outcomes(suite)
    assert int(suite.attrib["tests"]) == len(outcomes) > 0
    assert counted == sum(tags != ["system-out"] for tags in outcomes.values())
