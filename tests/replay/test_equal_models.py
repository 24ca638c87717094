"""Equal models, recorded, with the arms dealt anew: how often the method says that there is a change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from perfgate.gate.judge import judge
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.contrast import contrast
from perfgate.stats.estimate import _sample
from perfgate.stats.replicate import replicates
from perfgate.trials import Arm
from tests.replay.inject import dealt, reassigned, slowed
from tests.replay.looks import in_one_look
from tests.stats.traces import NAMES, trace

ALPHA = 0.01
DEALS = 75
"""Over all traces together, as many of each."""
BOUNDS = 600
TAU = 0.025
TABLES = [trace(name).table for name in NAMES]
GATE = Gate(metrics={"execute_ms": MetricGate(tolerance=TAU), "cpu_ms_per_request": MetricGate(tolerance=TAU)})


def _most(deals: int) -> int:
    """So many errors happen by chance once in 10,000 tests when the rate is nominal."""
    return int(stats.binom.isf(1e-4, deals, ALPHA))


@pytest.mark.parametrize("metric", ["execute_ms", "cpu_ms_per_request", "service_mean_ms", "latency_p90_ms"])
def test_a_bound_excludes_no_change_no_more_often_than_it_says(metric: str) -> None:
    rng, low, high = np.random.default_rng(31), 0, 0
    measured = [(table, found) for table in TABLES if (found := replicates(BY_NAME[metric], table)) is not None]
    deals = BOUNDS // len(measured)
    for table, found in measured:
        sample = _sample(found, table.replicas)
        for _ in range(deals):
            arms = reassigned(table.replicas, rng)
            candidate = np.array([arms[replica] is Arm.CANDIDATE for replica in found.units.replica.tolist()])
            lower, upper = contrast(replace(sample, candidate=candidate)).bounds(ALPHA)
            low += lower > 0
            high += upper < 0
    assert low <= _most(deals * len(measured))
    assert high <= _most(deals * len(measured))


def test_equal_models_do_not_fail() -> None:
    found = [in_one_look(table, GATE).values() for table in dealt(NAMES, DEALS, seed=32)]
    assert sum(any(each.verdict is Verdict.FAIL for each in run) for run in found) <= _most(len(found))


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
