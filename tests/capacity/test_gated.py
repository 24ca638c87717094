"""Capacities in the gate: the same estimate, error and degrees of freedom as the search's own."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, nan

import numpy as np
import pytest

from perfgate.capacity.answer import Bound, CapacityKind
from perfgate.capacity.estimate import Estimate, change_of, spread_of
from perfgate.capacity.gated import gated, values_of
from perfgate.gate.interim import NominalLevels
from perfgate.gate.judge import judge
from perfgate.gate.objectives import judge_objective
from perfgate.gate.stored_baseline import judge_stored
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME, METRICS
from perfgate.scenario.schema import Gate, MetricGate, Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.capacities import Capacities
from perfgate.stats.estimate import estimate
from perfgate.stats.gate_inputs import with_typical
from perfgate.stats.prediction import Occasion, OccasionSpread, StoredMetric, StoredNumbers
from perfgate.stats.summarise import summary_of
from perfgate.stats.summary import ArmSummary
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.capacity.answers import BOUND, arm, generator, two_arms
from tests.stats.build import execute_trials

METRIC = BY_NAME["capacity_rps"]
BOUNDS = (BOUND,)


def _estimate(rate_rps: float = 400.0, pairs: int = 12, noise: float = 0.002, drift: float = 0.0) -> Estimate:
    rng = np.random.default_rng(round(rate_rps))
    servers = log(rate_rps) + rng.normal(0, noise, pairs)
    time = log(rate_rps) + rng.normal(0, noise / 4, 5) + drift * np.linspace(-1, 1, 5)
    return Estimate(log(rate_rps), 9.0, 0, servers, time, noise**2 / 4, log(rate_rps) + 0.004)


@pytest.mark.parametrize("found", [
    _estimate(), _estimate(pairs=2), _estimate(drift=0.02), _estimate(pairs=3, drift=0.05), _estimate(noise=0.0),
    _estimate(1e-3), _estimate(5e5, noise=0.3),
])  # fmt: skip
def test_students_t_over_the_values_is_the_interval_of_the_capacity(found: Estimate) -> None:
    spread, values = spread_of(found), np.array(values_of(found))
    assert values.mean() == pytest.approx(spread.value, abs=1e-12)
    assert values.std(ddof=1) / np.sqrt(values.size) == pytest.approx(spread.error, rel=1e-12)
    assert values.size - 1 == spread.freedom
    occasion = Occasion.of(METRIC, np.exp(values).tolist())
    assert occasion is not None
    assert (occasion.mean, occasion.variance, occasion.df) == pytest.approx(
        (spread.value, spread.error**2, spread.freedom), rel=1e-9
    )


def test_a_server_with_a_high_capacity_has_a_high_value() -> None:
    found = _estimate()
    values = np.array(values_of(found))
    assert np.argsort(values).tolist() == np.argsort(-found.without_pair).tolist()


def _table(found: Capacities) -> TrialTable:
    made = TrialTable.of(list(execute_trials(8, 4, lambda *_: 2.0)))
    return replace(made, capacities=found)


def _both(before: Estimate, after: Estimate) -> Capacities:
    return gated(two_arms().arms, {Arm.BASELINE: before, Arm.CANDIDATE: after}, BOUNDS)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 1e-6])
def test_the_effect_is_the_searchs_own_change_at_any_level(alpha: float) -> None:
    before, after = _estimate(500.0), _estimate(410.0, drift=0.01)
    effect, change = estimate(METRIC, _table(_both(before, after)), alpha), change_of(before, after)
    assert effect is not None
    assert (effect.log_change, effect.log_se, effect.df) == (change.value, change.error, change.freedom)
    lower, upper = change.ends(1 - 2 * alpha)
    assert (1 + effect.lower, 1 + effect.upper) == pytest.approx((exp(lower), exp(upper)), rel=1e-9)
    assert (effect.baseline_value, effect.candidate_value) == pytest.approx((500.0, 410.0))


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_an_objective_has_the_interval_of_one_arm(alpha: float) -> None:
    found = _estimate(410.0)
    table = _table(gated(two_arms().arms[1:], {Arm.CANDIDATE: found}, BOUNDS))
    judged = judge_objective(METRIC, Objective(min=380), table, NominalLevels(alpha, alpha))
    lower, upper = spread_of(found).ends(1 - 2 * alpha)
    assert (judged.value, judged.lower, judged.upper) == pytest.approx((410.0, exp(lower), exp(upper)))
    assert judged.verdict is Verdict.PASS
    assert judge_objective(METRIC, Objective(min=440), table, NominalLevels(alpha, alpha)).verdict is Verdict.FAIL
    near = judge_objective(METRIC, Objective(min=409.9), table, NominalLevels(alpha, alpha))
    assert near.verdict is Verdict.INCONCLUSIVE
    assert near.more == "too close to the bound for any practical time of its search"


@pytest.mark.parametrize(
    ("after", "verdict", "words"),
    [
        (400.0, Verdict.FAIL, "-20.0% is below the tolerance of -4.76%"),
        (500.0, Verdict.PASS, "is within the tolerance of -4.76%"),
        (476.0, Verdict.INCONCLUSIVE, "on both sides of the tolerance"),
    ],
)
def test_it_is_judged_like_other_metrics(after: float, verdict: Verdict, words: str) -> None:
    gate = Gate(metrics={"capacity_rps": MetricGate(catch=0.1)})
    found = judge(_table(_both(_estimate(500.0), _estimate(after, noise=0.0021))), gate, {})
    (judged,) = [each for each in found.metrics if each.metric == "capacity_rps"]
    assert (judged.verdict, judged.gated) == (verdict, True)
    assert words in judged.reason
    if verdict is Verdict.INCONCLUSIVE:
        assert "its search" in judged.more


def test_what_is_not_estimated_is_inconclusive_with_its_sentence() -> None:
    off = {metric.name: MetricGate(severity=Severity.OFF) for metric in METRICS if metric.gated}
    gate = Gate(metrics={**off, "capacity_rps": MetricGate()})
    found = judge(_table(gated(generator().arms, {}, BOUNDS)), gate, {"capacity_rps": Objective(min=1)})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "the load generator is the limit at 41,000 requests/s: the capacity is not known" in " ".join(found.reasons)
    (objective,) = found.objectives
    assert np.isnan(objective.value)


def test_one_arm_of_two_gives_no_change_but_its_objective() -> None:
    slow = replace(arm(Arm.BASELINE, "v1", 9.0), kind=CapacityKind.ABOVE)
    table = _table(gated((slow, two_arms().arms[1]), {Arm.CANDIDATE: _estimate(410.0)}, BOUNDS))
    found = judge(table, Gate(metrics={"capacity_rps": MetricGate()}), {"capacity_rps": Objective(min=300)})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert [each.verdict for each in found.objectives] == [Verdict.PASS]
    assert any(each.startswith("capacity_rps is not known: baseline: above") for each in found.reasons)


def test_what_holds_is_part_of_how_it_was_measured() -> None:
    assumed = (Bound("latency_p99_ms", 0.01, 31.7, stated=False), Bound("error_rate", 0.001))
    assert gated((), {}, assumed).objectives == "latency_p99_ms as assumed and error_rate at most 0.1%"


def _stored(found: Capacities) -> StoredNumbers:
    """Return what a record of the candidate keeps, as a later run reads it."""
    (summary,) = with_typical([summary_of(METRIC, Arm.CANDIDATE, _table(found)) or _none()], _table(found))
    assert summary.typical is not None
    occasion = Occasion.of(METRIC, summary.typical.replicas)
    assert occasion is not None
    spread = OccasionSpread(0.01, 5.0, "5 days")
    kept = StoredMetric((occasion,), spread, summary.typical.source, summary.typical.state)
    return StoredNumbers({METRIC.name: kept}, nan, frozenset({4}))


def _none() -> ArmSummary:
    raise AssertionError


def _alone(rate_rps: float, bounds: tuple[Bound, ...] = BOUNDS) -> Capacities:
    return gated(two_arms().arms[1:], {Arm.CANDIDATE: _estimate(rate_rps)}, bounds)


@pytest.mark.parametrize(("now", "verdict"), [(300.0, Verdict.FAIL), (410.0, Verdict.PASS)])
def test_it_is_compared_with_stored_numbers(now: float, verdict: Verdict) -> None:
    gate = Gate(metrics={METRIC.name: MetricGate(catch=0.2)})
    found = judge_stored(_candidate(_alone(now)), gate, {}, _stored(_alone(410.0)))
    (judged,) = [each for each in found.metrics if each.metric == METRIC.name]
    assert judged.verdict is verdict, judged.reason
    parts = spread_of(_estimate(now)).error, spread_of(_estimate(410.0)).error, 0.01 * np.sqrt(2)
    assert judged.effect.log_se == pytest.approx(np.sqrt(np.square(parts).sum()), rel=1e-9)
    assert judged.effect.candidate_value == pytest.approx(now)


def test_capacities_for_other_objectives_are_not_compared() -> None:
    gate = Gate(metrics={METRIC.name: MetricGate(catch=0.2)})
    stricter = (replace(BOUND, bound_ms=10.0),)
    found = judge_stored(_candidate(_alone(410.0, stricter)), gate, {}, _stored(_alone(410.0)))
    (reason,) = [each for each in found.reasons if METRIC.name in each]
    assert "measured differently" in reason
    assert "latency_p99_ms at most 20 ms then and under load, capacity: latency_p99_ms at most 10 ms now" in reason


def _candidate(found: Capacities) -> TrialTable:
    trials = [each for each in execute_trials(8, 4, lambda *_: 2.0) if each.arm is Arm.CANDIDATE]
    return replace(TrialTable.of(trials), capacities=found)
