"""Recorded runs of equal models with reassigned arms: how often the method finds a change."""

from __future__ import annotations

import pytest
from scipy import stats

from perfgate.gate.judge import judge
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.estimate import estimate
from perfgate.stats.replicate import replicates
from tests.replay.inject import dealt, slowed
from tests.replay.looks import in_one_look
from tests.stats.traces import NAMES, trace

ALPHA = 0.01
DEALS = 75
"""Over all traces together, with equal numbers of each."""
BOUNDS = 300
TAU = 0.025
GATE = Gate(metrics={"execute_ms": MetricGate(tolerance=TAU), "cpu_ms_per_request": MetricGate(tolerance=TAU)})


def _most(deals: int) -> int:
    """Number of errors exceeded by chance once in 10,000 tests at the nominal rate."""
    return int(stats.binom.isf(1e-4, deals, ALPHA))


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["execute_ms", "cpu_ms_per_request", "service_mean_ms", "latency_p90_ms"])
def test_a_bound_excludes_no_change_no_more_often_than_it_says(metric: str) -> None:
    names = [name for name in NAMES if replicates(BY_NAME[metric], trace(name).table) is not None]
    low = high = deals = 0
    for table in dealt(names, BOUNDS, seed=31):
        effect = estimate(BY_NAME[metric], table, ALPHA, cross_check=False)
        assert effect is not None
        deals += 1
        low += effect.lower > 0
        high += effect.upper < 0
    assert low <= _most(deals)
    assert high <= _most(deals)


@pytest.mark.slow
def test_equal_models_do_not_fail() -> None:
    found = [in_one_look(table, GATE).values() for table in dealt(NAMES, DEALS, seed=32)]
    assert sum(any(each.verdict is Verdict.FAIL for each in run) for run in found) <= _most(len(found))


@pytest.mark.slow
def test_a_change_of_exactly_the_tolerance_neither_fails_nor_passes() -> None:
    found = [in_one_look(slowed(table, TAU), GATE) for table in dealt(NAMES, DEALS, seed=33)]
    for metric in ("execute_ms", "cpu_ms_per_request"):
        verdicts = [run[metric].verdict for run in found]
        assert verdicts.count(Verdict.FAIL) <= _most(len(found))
        assert verdicts.count(Verdict.PASS) <= _most(len(found))


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_run_itself_does_not_fail(name: str) -> None:
    judgement = judge(trace(name).table, GATE, {})
    assert judgement.verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}
    assert {each.metric for each in judgement.metrics} >= {"execute_ms", "cpu_ms_per_request", "load_time_s"}
