from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.gate.validity import has_numbers, invalid_because, why_missing
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Objective
from perfgate.stats.estimate import estimate
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane, Memory
from tests.stats.build import NAN, execute_trials, fact, load_trials, requests, trial


def _failing(failed: int) -> TrialTable:
    calm = execute_trials(50, 4, lambda *_: 1.0)
    done = requests([1.0] * 100, [14] * failed + [0] * (100 - failed))
    return TrialTable.of([*calm, trial(0, Arm.CANDIDATE, 1, done, Lane.LOAD, Depth.REQUEST)])


def test_each_source_is_held_to_the_limit_on_its_own() -> None:
    assert invalid_because(_failing(1), {}) == ()
    assert invalid_because(_failing(3), {}) == (
        "candidate: 3% of 100 requests failed with UNAVAILABLE (load/request; limit 1%)",
    )  # 1 % of all the candidate's requests


@pytest.mark.parametrize(("objective", "valid"), [(0.05, True), (0.001, False)])
def test_an_objective_may_widen_the_limit_but_not_narrow_it(objective: float, valid: bool) -> None:
    allowed = {"error_rate": Objective(max=objective)}
    assert (invalid_because(_failing(3), allowed) == ()) is valid
    assert invalid_because(_failing(1), allowed) == ()


def test_nothing_sent_is_nothing_failed() -> None:
    assert invalid_because(TrialTable.of([]), {}) == ()


EXECUTED = TrialTable.of(execute_trials(2, 2, lambda *_: 1.0), [fact(0, Arm.BASELINE), fact(1, Arm.CANDIDATE)])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("execute_ms", True),
        ("cpu_ms_per_request", False),
        ("latency_p99_ms", False),
        ("rss_peak_mb", False),
        ("load_time_s", True),
        ("error_rate", True),
        ("model_size_mb", False),
    ],
)
def test_numbers_are_there_or_not(name: str, expected: bool) -> None:
    assert has_numbers(BY_NAME[name], EXECUTED) is expected


def test_each_reason_names_its_remedy() -> None:
    assert why_missing(BY_NAME["load_time_s"], EXECUTED) == "load_time_s needs at least 2 replicas with data per arm"
    broken = TrialTable.of(execute_trials(2, 2, lambda _block, _arm, number: NAN if number else 1.0))
    assert "no block in which every replica has a positive value" in why_missing(BY_NAME["execute_ms"], broken)
    sizes = why_missing(BY_NAME["model_size_mb"], EXECUTED)
    assert sizes == "model_size_mb has no data: the models' sizes are not known"
    memory = why_missing(BY_NAME["rss_peak_mb"], EXECUTED)
    assert memory == "rss_peak_mb has no data: not available on this platform or target"
    unmeasured = why_missing(BY_NAME["service_p90_ms"], EXECUTED)
    assert unmeasured == "service_p90_ms has no data: give the load lane a share of the budget"


@pytest.mark.parametrize(
    ("replicas", "each", "has", "remedy"),
    [
        (3, 310, "930", "about 2.5 times the load time"),
        (12, 150, "1,800", "about 1.5 times the load time"),
        (12, 0, "0", "about 2,000 times the load time"),
    ],
)
def test_a_percentile_says_how_many_requests_it_needs_and_has(replicas: int, each: int, has: str, remedy: str) -> None:
    table = TrialTable.of(load_trials(replicas, lambda arm, _: [1.0] * (each + (arm is Arm.CANDIDATE))))
    assert why_missing(BY_NAME["latency_p99_ms"], table) == (
        f"latency_p99_ms needs 2,000 requests per arm, has {has}: use {remedy}"
    )


def test_a_percentile_among_unanswered_requests_is_no_matter_of_time() -> None:
    lost = TrialTable.of(load_trials(2, lambda *_: [1.0] * 2000 + [NAN]))
    assert "falls among requests without a response" in why_missing(BY_NAME["service_p99_ms"], lost)
    assert estimate(BY_NAME["service_p99_ms"], lost, 0.01) is None


def test_a_leak_needs_two_readings() -> None:
    rows = [replace(t, memory=Memory(1.0, 1.0, 1.0, 1.0)) for t in execute_trials(1, 2, lambda *_: 1.0)]
    found = why_missing(BY_NAME["rss_growth_mb_per_1k"], TrialTable.of(rows))
    assert (
        found
        == "rss_growth_mb_per_1k needs at least two memory readings in one lane: measure longer or with fewer replicas"
    )
