from __future__ import annotations

from dataclasses import replace
from math import exp, hypot, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.capacity.answer import CapacityKind
from perfgate.gate.objectives import candidate_interval
from perfgate.metrics import BY_NAME
from perfgate.planning.promises import PROMISED, predicted, promises_of
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Memory
from tests.capacity.answers import answer, arm, one_arm
from tests.planning.answers import SKETCH
from tests.stats.build import execute_trials, fact, load_trials, requests, trial

SIZES_MB = {Arm.CANDIDATE: SKETCH.size_mb}


def _run(seed: int, requests_each: int = 400) -> TrialTable:
    """Eight servers, 2 % apart, of 2 ms an execution and 5 ms under load."""
    rng = np.random.default_rng(seed)
    own = np.exp(rng.normal(0, 0.02, 8))
    facts = [fact(2 * number + 1, Arm.CANDIDATE, 0.5 * own[number], 20.0 * own[number]) for number in range(8)]
    executed = execute_trials(6, 8, lambda _block, _arm, number: 2.0 * own[number])
    loaded = load_trials(8, lambda _, number: list(5.0 * own[number] * np.exp(rng.normal(0, 0.2, requests_each))))
    alone = [each for each in (*executed, *loaded) if each.arm is Arm.CANDIDATE]
    return TrialTable.of(alone, facts, SIZES_MB)


def test_an_interval_is_that_of_a_difference_of_two_runs_with_other_exports() -> None:
    found = predicted("execute_ms", 2.0, 1.9, 2.2)
    below, above_it = hypot(sqrt(2) * log(2.0 / 1.9), log(1.02)), hypot(sqrt(2) * log(1.1), log(1.02))
    assert (found.value, found.lower, found.upper) == pytest.approx((2.0, 2.0 * exp(-below), 2.0 * exp(above_it)))
    assert (found.lower, found.upper) == pytest.approx((1.8551, 2.2919), abs=2e-4)


def test_a_value_without_spread_may_still_differ_by_its_export() -> None:
    same = predicted("execute_ms", 2.0, 2.0, 2.0)
    assert (same.lower, same.upper) == pytest.approx((2.0 / 1.02, 2.0 * 1.02))
    size = predicted("model_size_mb", 3.42, 3.42, 3.42)  # names of variables differ from export to export
    assert size.lower < 3.42001 < size.upper


def test_an_interval_of_two_servers_may_be_too_wide_for_a_number() -> None:
    found = predicted("cold_start_s", 0.3, 0.2, 1e250)
    assert (found.value, found.upper) == (0.3, inf)
    assert 0 < found.lower < 0.2


@pytest.mark.parametrize("lower", [-inf, -0.4, 0.0])
def test_an_interval_that_reaches_below_0_is_open_there(lower: float) -> None:
    assert predicted("execute_ms", 2.0, lower, 2.2).lower == 0.0


def test_an_interval_without_an_upper_end_stays_without() -> None:
    found = predicted("latency_p99_ms", 2.0, 1.9, inf)
    assert found.upper == inf
    assert found.lower > 1.8


@given(st.floats(1e-3, 1e6), st.floats(0, 0.9), st.floats(0, 10))
def test_a_prediction_is_wider_than_what_it_is_made_of(value: float, below: float, over: float) -> None:
    lower, upper = value * (1 - below), value * (1 + over)
    found = predicted("execute_ms", value, lower, upper)
    assert 0 <= found.lower < lower * (1 + 1e-12)
    assert found.upper > upper * (1 - 1e-12)
    assert found.lower < value < found.upper


def _covered(error: float, *, widened: bool) -> float:
    """Return how often another run of the same architecture is within: `error` of a run, 0.7 % of an export."""
    rng = np.random.default_rng(1)
    seen = np.exp(rng.normal(0, error, (2, 4000)) + rng.normal(0, 0.007, (2, 4000)))
    hits = 0.0
    for first, second in seen.T.tolist():
        lower, upper = first * exp(-1.96 * error), first * exp(1.96 * error)
        found = predicted("execute_ms", first, lower, upper)
        hits += found.lower <= second <= found.upper if widened else lower <= second <= upper
    return float(hits / seen.shape[1])


@pytest.mark.parametrize("error", [0.002, 0.01, 0.1])
def test_19_of_20_other_runs_are_within(error: float) -> None:
    assert _covered(error, widened=True) == pytest.approx(0.95, abs=0.012)
    assert _covered(error, widened=False) < 0.86, "the run's own interval promises too much"


def test_what_was_measured_is_promised_in_one_order_with_its_own_value() -> None:
    table = _run(3)
    found = promises_of(table, one_arm())
    assert [each.metric for each in found] == [
        "execute_ms", "service_mean_ms", "latency_p50_ms", "latency_p90_ms", "latency_p99_ms", "load_time_s",
        "first_request_ms", "cold_start_s", "model_size_mb", "capacity_rps",
    ]  # fmt: skip
    assert [each.metric for each in found] == [name for name in PROMISED if name in {one.metric for one in found}]
    by_name = {each.metric: each for each in found}
    known = candidate_interval(BY_NAME["execute_ms"], table, 0.025)
    assert known is not None
    assert by_name["execute_ms"] == predicted("execute_ms", *known)
    assert by_name["capacity_rps"] == predicted("capacity_rps", 412.0, 412.0 * (1 - 0.034), 412.0 * (1 + 0.032))


def test_memory_is_promised_by_its_peak() -> None:
    trials = [
        trial(block, Arm.CANDIDATE, number, requests([2.0]), memory=Memory(590.0, 600.0 + number, 580.0, 570.0))
        for block in range(3)
        for number in range(4)
    ]
    (found,) = [each for each in promises_of(TrialTable.of(trials), None) if each.metric == "rss_peak_mb"]
    assert found.value == pytest.approx(601.5)
    assert 0 < found.lower < 600.0
    assert found.upper > 603.0


def test_nothing_measured_promises_nothing() -> None:
    assert promises_of(TrialTable.of([]), None) == ()


def test_of_too_few_requests_no_percentile_is_promised() -> None:
    few, many = ({each.metric for each in promises_of(_run(3, count), None)} for count in (25, 400))
    assert "latency_p99_ms" in many
    assert "latency_p99_ms" not in few
    assert "latency_p50_ms" in few


@pytest.mark.parametrize("kind", [*(each for each in CapacityKind if each is not CapacityKind.ESTIMATED), None])
def test_a_capacity_that_is_not_estimated_is_not_promised(kind: CapacityKind | None) -> None:
    capacity = None if kind is None else answer(replace(arm(Arm.CANDIDATE, "m", 90.0), kind=kind))
    assert not [each for each in promises_of(_run(3), capacity) if each.metric == "capacity_rps"]


def test_a_capacity_without_versions_is_not_promised() -> None:
    assert not [each for each in promises_of(_run(3), answer()) if each.metric == "capacity_rps"]


@pytest.fixture(scope="module")
def kept() -> dict[str, float]:
    """How often another run of servers like these shows what was promised."""
    runs, hits = range(20), dict.fromkeys(("execute_ms", "latency_p99_ms", "load_time_s"), 0)
    for seed in runs:
        promises, other = promises_of(_run(seed), None), _run(1000 + seed)
        for promise in promises:
            found = candidate_interval(BY_NAME[promise.metric], other, 0.025)
            if promise.metric in hits and found is not None:
                hits[promise.metric] += promise.lower <= found[0] <= promise.upper
    return {metric: count / len(runs) for metric, count in hits.items()}


@pytest.mark.parametrize("metric", ["execute_ms", "latency_p99_ms", "load_time_s"])
def test_another_run_of_the_same_servers_is_within(kept: dict[str, float], metric: str) -> None:
    assert kept[metric] >= 0.9
