from __future__ import annotations

from dataclasses import replace
from math import inf, isclose, isnan, nan

import numpy as np
import pytest

from perfgate.experiment.plan import Plan, make_plan
from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.power import Power, powers, slowest
from perfgate.gate.tolerance import tolerance_of
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME, Source
from perfgate.scenario.schema import Budget, Gate, Load, MetricGate, Objective, Scenario
from perfgate.scenario.severity import Severity
from perfgate.stats.estimate import estimate
from perfgate.stats.variance import OccasionNumbers, components_of
from perfgate.stats.variance_components import Components
from perfgate.trials import Arm
from tests.gate.effects import case
from tests.stats.generator import World, table

METRIC = BY_NAME["execute_ms"]
EXECUTE = Components("execute_ms", 0.06, 0.006, 0.01, trials_per_s=8.0, replicas=12, source="cost/execute", typical=1.5)
MEMORY = Components("rss_peak_mb", nan, 0.002, replicas=12, source="load/request", typical=400.0)
START = Components("load_time_s", nan, 0.05, replicas=12, source="start", typical=0.5)


def plan(measure_s: float = 45.0, replicas: int = 12, execute_share: float = 0.6, parents: int = 1) -> Plan:
    scenario = Scenario(budget=Budget(measure_s=measure_s, execute_share=execute_share, parents=parents))
    return make_plan(scenario, tuple(Arm), 0, replicas)


def power(components: Components = EXECUTE, gate: Gate | None = None, laid: Plan | None = None) -> Power:
    (found,) = powers([components], Scenario(gate=gate or Gate()), laid or plan())
    return found


def test_it_is_what_the_gate_says_of_a_run_with_that_standard_error() -> None:
    trials = EXECUTE.trials_per_s * 0.6 * 45
    se = (2 / 12 * (0.006**2 + 0.06**2 / trials)) ** 0.5
    found = case("execute_ms", 0.0, se)
    for parents, df in ((1, 22 - 5), (2, 22 - 5)):  # five for blocks of the start order, within fork servers
        each = replace(found, effect=replace(found.effect, df=df))
        (verdict,) = decide([each], 0.01)
        assert power(laid=plan(parents=parents)).detectable == pytest.approx(verdict.detectable)


def test_time_buys_down_the_requests_part_and_only_that() -> None:
    found = [power(laid=plan(measure_s)).detectable for measure_s in (15, 60, 240, 1e9)]
    assert found == sorted(found, reverse=True)
    floor = power(replace(EXECUTE, request_sd=0.0)).detectable
    assert found[-1] == pytest.approx(floor, rel=1e-3)
    assert power(MEMORY).detectable == power(MEMORY, laid=plan(600)).detectable


def test_the_needed_time_is_where_the_asked_regression_is_caught() -> None:
    gate = Gate(metrics={"execute_ms": MetricGate(catch=0.02)})
    needed = power(gate=gate)
    assert needed.detectable > 0.02 == needed.catch
    assert power(gate=gate, laid=plan(needed.needs_s)).detectable == pytest.approx(0.02)


def test_where_no_time_is_enough_more_servers_are_named() -> None:
    apart = replace(EXECUTE, replica_sd=0.02)
    found = power(apart)
    assert found.needs_s == inf
    assert found.needs_replicas > 12
    assert power(apart, laid=plan(replicas=found.needs_replicas)).detectable <= 0.05
    assert power(apart, laid=plan(replicas=found.needs_replicas - 1)).detectable > 0.05
    assert power(replace(EXECUTE, replica_sd=0.5)).needs_replicas == 0


def test_more_servers_share_the_same_time() -> None:
    """More fork servers mean fewer trials each: the requests' part does not depend on their number."""
    noisy = replace(EXECUTE, replica_sd=0.0, parent_sd=0.0)
    few, many = (power(noisy, laid=plan(replicas=replicas)) for replicas in (12, 48))
    assert isclose(few.detectable, many.detectable, rel_tol=0.03)  # except for Student's t


def test_fork_servers_count_only_where_they_are_not_taken_out() -> None:
    apart = replace(EXECUTE, parent_sd=0.05)
    assert power(apart).detectable == power().detectable
    few = plan(replicas=4)
    assert power(apart, laid=few).detectable > 1.5 * power(laid=few).detectable


def test_memory_is_never_asked_for_less_than_counts() -> None:
    small = power(replace(MEMORY, typical=50.0))
    assert small.catch == pytest.approx(2 * 8 / 50)
    assert power(MEMORY).catch == pytest.approx(0.1)
    assert power(MEMORY).needs_s == 0.0


def test_gated_metrics_share_the_error_level() -> None:
    alone, beside = power(), powers([EXECUTE, MEMORY], Scenario(), plan())[0]
    assert beside.detectable > alone.detectable


def test_objectives_share_it_too_but_for_those_of_another_severity() -> None:
    def detectable(*severities: Severity) -> float:
        names = ("latency_p99_ms", "error_rate", "latency_p50_ms")
        objectives = {name: Objective(max=1.0, severity=each) for name, each in zip(names, severities, strict=False)}
        return powers([EXECUTE], Scenario(objectives=objectives), plan())[0].detectable

    assert detectable() < detectable(Severity.ERROR) < detectable(Severity.ERROR, Severity.ERROR)
    assert detectable(Severity.WARN, Severity.OFF) == detectable()


def test_starts_are_compared_over_pairs_and_know_their_spread_less_well() -> None:
    gate = Gate(metrics={"load_time_s": MetricGate(catch=0.5), "cold_start_s": MetricGate(catch=0.5)})
    pairs = power(START, gate).detectable
    assert pairs == pytest.approx(1.25 * np.exp(0.05 * (2 / 12) ** 0.5 * (2.718 + 0.876)) - 1, rel=1e-3)  # 11 df


def test_times_under_load_are_compared_over_pairs_too_and_memory_is_not() -> None:
    latency = Components("latency_p50_ms", nan, 0.01, replicas=12, source="load/request", typical=2.0)
    gate = Gate(metrics={"latency_p50_ms": MetricGate(catch=0.1)})
    root = (2 / 12) ** 0.5
    with_11_df = 1.05 * np.exp(0.01 * root * (2.718 + 0.876)) - 1
    assert power(latency, gate).detectable == pytest.approx(with_11_df, rel=1e-3)
    memory = 1.05 * np.exp(0.002 * root * (2.567 + 0.863)) - 1  # 17 df
    assert power(MEMORY).detectable == pytest.approx(memory, rel=1e-3)


def test_metrics_not_gated_or_without_a_lane_have_no_power() -> None:
    assert powers([START], Scenario(), plan()) == ()
    gated = Gate(metrics={"load_time_s": MetricGate(catch=0.5)})
    assert power(START, gated).needs_s == 0.0
    assert powers([EXECUTE], Scenario(), plan(execute_share=0.0)) == ()
    assert powers([replace(EXECUTE, replica_sd=nan)], Scenario(), plan()) == ()
    one_arm = make_plan(Scenario(), (Arm.CANDIDATE,), 0, 12)
    assert powers([EXECUTE], Scenario(), one_arm) == ()
    assert slowest(()) is None


def test_a_lane_that_visits_few_servers_compares_few() -> None:
    latency = replace(EXECUTE, metric="latency_p50_ms", source="load/request")
    gate = Gate(metrics={"latency_p50_ms": MetricGate(catch=0.1)})
    scenarios = (Scenario(load=Load(replicas=count)) for count in (12, 3))
    all_of_them, few = (make_plan(scenario, tuple(Arm), 0, 12) for scenario in scenarios)
    assert power(latency, gate, few).detectable > 1.3 * power(latency, gate, all_of_them).detectable


def test_differences_are_in_the_metrics_unit() -> None:
    growth = Components("rss_growth_mb_per_1k", nan, 0.1, replicas=12, source="load/request", typical=0.0)
    gate = Gate(metrics={"rss_growth_mb_per_1k": MetricGate()})
    found = power(growth, gate)
    assert found.catch == BY_NAME["rss_growth_mb_per_1k"].catch
    assert isnan(found.needs_s)
    assert found.detectable == pytest.approx(found.catch / 2 + 0.1 * (2 / 12) ** 0.5 * (2.518 + 0.859), rel=0.01)


def test_the_slowest_decides() -> None:
    quick, slow = Power("a", 0.05, 0.01, 5.0, 2), Power("b", 0.05, 0.01, 50.0, 2)
    assert slowest([quick, slow]) is slow


LANE_S, BLOCKS = 27.0, 200


def _caught(change: float, world: World, runs: int = 300) -> float:
    rng, failed = np.random.default_rng(52), 0
    for _ in range(runs):
        effect = estimate(METRIC, table(world, change, rng), 0.01, cross_check=False)
        assert effect is not None
        (verdict,) = decide([Case(METRIC, effect, tolerance_of(METRIC, Gate(), effect.baseline_value))], 0.01)
        failed += verdict.verdict is Verdict.FAIL
    return failed / runs


@pytest.mark.slow
def test_a_calibration_predicts_how_often_a_regression_is_caught() -> None:
    world, rng = World(blocks=BLOCKS, replica_sd=0.008, request_sd=0.08), np.random.default_rng(51)
    runs = [OccasionNumbers(table(world, 0.0, rng), {Source.EXECUTE: LANE_S}) for _ in range(12)]
    found = components_of(METRIC, runs)
    assert found is not None
    here = power(found)
    assert 0.7 < _caught(here.detectable, world) < 0.9

    needed = power(found, Gate(metrics={"execute_ms": MetricGate(catch=0.05)}))
    blocks = round(BLOCKS * needed.needs_s / 45)
    assert blocks != BLOCKS
    assert 0.7 < _caught(0.05, replace(world, blocks=blocks)) < 0.9
