"""The page describes how that particular run was decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.gate.interim import Look
from perfgate.metrics import Source
from perfgate.report.html.method import method
from tests.report import example
from tests.report.kinds import KINDS


def _words(name: str) -> str:
    return " ".join(method(KINDS[name]()))


def test_side_by_side_names_servers_interval_and_error_level() -> None:
    words = _words("fail")
    assert "The servers (12 of the baseline, 12 of the candidate) were running at the same time" in words
    assert "Welch's t over servers" in words
    assert "has its own error level, 1%. The data was looked at once" in words
    assert "shared by 4 gated metrics by Holm's procedure: the first to fail must do so at 0.25%" in words
    assert "prediction" not in words


def test_the_method_describes_the_rules_of_the_run() -> None:
    older = " ".join(method(example.failing()))
    assert "; p99 and beyond, memory and starts are one number per server." in older
    assert "For starts it is Student's t over pairs" in older
    now = " ".join(method(replace(example.failing(), payload_shares=(0.5, 0.5))))
    assert "no request is excluded. p99 and beyond are taken over all requests of an arm" in now
    assert "For metrics under load (except memory) and for starts it is Student's t over pairs" in now


def test_what_a_pass_does_not_wait_for_is_named() -> None:
    result = example.passing()
    assert result.judgement
    first, *others = result.judgement.metrics
    judgement = replace(result.judgement, metrics=(replace(first, required=False), *others))
    words = " ".join(method(replace(result, judgement=judgement)))
    assert f"passes if all of them pass; {first.metric} may stay inconclusive" in words
    assert "may stay inconclusive" not in _words("pass")


def test_looks_are_counted() -> None:
    looks = tuple(Look(source, 0.5, 1.0, ()) for source in (Source.EXECUTE, Source.EXECUTE, Source.LOAD))
    words = " ".join(method(replace(example.failing(), looks=looks)))
    assert "shared by all interim analyses (looks): 3 were made, at planned times, in 2 lanes" in words
    assert "looked at once" not in words


def test_one_gated_metric_shares_nothing() -> None:
    result = example.passing_small()
    assert "Holm" not in " ".join(method(result))


def test_the_method_mentions_warn_only_metrics_and_accepted_regressions() -> None:
    words = _words("lenient")
    assert "Warn-only metrics share a separate error level and do not affect the verdict." in words
    assert "An accepted regression replaces the tolerance of execute_ms" in words
    assert "Warn-only" not in _words("fail")
    assert "accepted regression" not in _words("fail")


def test_stored_numbers_are_no_side_by_side() -> None:
    words = _words("stored_numbers")
    assert "prediction interval" in words
    assert "relative to its blocks" not in words
    assert "even with more time or more servers" in words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_baseline", "nothing is compared, and only objectives are judged"),
        ("stored_refused", "are not comparable here, so only objectives are judged"),
        ("died_in_warm_up", "Nothing was measured."),
    ],
)
def test_what_was_not_compared_has_no_interval(name: str, said: str) -> None:
    words = _words(name)
    assert said in words
    assert "Each bound of an interval" not in words
    assert "A metric fails when" not in words


def test_a_run_without_a_judgement_says_so() -> None:
    assert method(replace(example.passing(), judgement=None))[0].startswith("The run did not finish")


def test_servers_that_ran_already_are_not_said_to_be_started() -> None:
    result = example.failing()
    scenario = {**result.scenario, "target": {**result.scenario["target"], "kind": "endpoint"}}
    assert "were already running and were measured in turns" in method(replace(result, scenario=scenario))[0]
