from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.gate.missing import has_numbers, why_missing
from perfgate.metrics import BY_NAME
from perfgate.stats.estimate import estimate
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Memory
from tests.stats.build import NAN, execute_trials, fact, load_trials

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
