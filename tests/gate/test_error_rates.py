"""Error rates of the gate, over simulated runs from trials to verdict; limits are nominal plus binomial slack."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from perfgate.gate.decide import decide
from perfgate.gate.judge import cases_of
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Gate
from perfgate.stats.table import TrialTable
from tests.gate.effects import case
from tests.stats.generator import World, table

RUNS = 400
MOST = int(stats.binom.isf(1e-4, RUNS, 0.01))


def _verdicts(effect: float, world: World, runs: int = RUNS, seed: int = 21) -> Counter[Verdict]:
    rng = np.random.default_rng(seed)
    return Counter(_verdict(table(world, effect, rng)) for _ in range(runs))


def _verdict(run: TrialTable) -> Verdict:
    (case,) = cases_of([BY_NAME["execute_ms"]], run, Gate(), (), cross_check=False)
    return decide([case], 0.01)[0].verdict


@pytest.mark.slow
def test_equal_models_do_not_fail_and_are_mostly_decided() -> None:
    found = _verdicts(0.0, World(start_slope=0.02))
    assert found[Verdict.FAIL] <= MOST
    assert found[Verdict.INCONCLUSIVE] <= 0.05 * RUNS


@pytest.mark.slow
def test_a_change_of_exactly_the_tolerance_neither_fails_nor_passes() -> None:
    found = _verdicts(0.025, World(start_slope=0.02))
    assert found[Verdict.FAIL] <= MOST
    assert found[Verdict.PASS] <= MOST


@pytest.mark.slow
def test_five_percent_is_caught() -> None:
    found = _verdicts(0.05, World(start_slope=0.02), runs=200)
    assert found[Verdict.FAIL] >= 0.95 * 200


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 4])
def test_few_replicas_cost_power_but_not_honesty(replicas: int) -> None:
    found = _verdicts(0.0, World(replicas=replicas), runs=200)
    assert found[Verdict.FAIL] <= stats.binom.isf(1e-4, 200, 0.01)
    at_tolerance = _verdicts(0.025, World(replicas=replicas), runs=200)
    assert at_tolerance[Verdict.PASS] <= stats.binom.isf(1e-4, 200, 0.01)


@pytest.mark.slow
def test_many_gated_metrics_at_their_tolerance_fail_no_more_often_together() -> None:
    rng, runs = np.random.default_rng(22), 800
    names = ("execute_ms", "cpu_ms_per_request", "service_mean_ms", "pss_mb")
    limits, se = (0.025, 0.025, 0.05, 0.1), 0.005
    together = alone = 0
    for _ in range(runs):
        seen = np.expm1(np.log1p(limits) + se * rng.normal(size=4))
        spread = se * np.sqrt(rng.chisquare(22, 4) / 22)
        cases = [case(name, *pair) for name, *pair in zip(names, seen, spread, strict=True)]
        together += any(found.verdict is Verdict.FAIL for found in decide(cases, 0.01))
        alone += any(one.is_worse(0.01) for one in cases)
    assert together <= stats.binom.isf(1e-4, runs, 0.01)
    assert alone > 0.02 * runs  # without Holm's correction
