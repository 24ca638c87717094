from __future__ import annotations

from dataclasses import replace
from math import comb, inf, log1p

import numpy as np
import pytest
from scipy import stats

from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.interim import Look, LookHistory, Seen, history
from perfgate.gate.judge import judge
from perfgate.gate.stopping import InterimAnalysis, due
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME, Source
from perfgate.scenario.schema import Gate, MetricGate, Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.estimate import estimate
from perfgate.stats.sequential import nominal_levels
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.gate.effects import case
from tests.stats.build import execute_trials, load_trials
from tests.stats.generator import World, facts
from tests.stats.memory import Readings, memory_table

LEVELS = nominal_levels((0.25, 0.5, 1.0), 0.01)


def _seen(change: float, se: float = 0.004) -> Seen:
    return Seen("execute_ms", log1p(change), se, 22.0)


def _looked(*looks: tuple[float, Seen]) -> tuple[Look, ...]:
    return tuple(Look(Source.EXECUTE, fraction, 10 * fraction, (seen,)) for fraction, seen in looks)


def _case(*looks: tuple[float, Seen]) -> Case:
    last = looks[-1][1]
    return replace(case("execute_ms", float(np.expm1(last.log_change)), last.log_se), looks=_looked(*looks))


def test_without_looks_the_end_is_the_only_one() -> None:
    now = _seen(0.1)
    assert history("execute_ms", Source.EXECUTE, now, ()) == LookHistory((now,), (1.0,))
    other = Look(Source.LOAD, 0.5, 1.0, (now,))
    assert history("execute_ms", Source.EXECUTE, now, (other,)).fractions == (1.0,)


def test_an_early_look_must_be_surer() -> None:
    late = 0.004 * float(stats.t.isf(LEVELS[-1], 22))
    change = float(np.expm1(log1p(0.025) + 1.01 * late))
    early, end = (
        _case((0.25, _seen(change))),
        _case((0.25, _seen(0.0, 0.1)), (0.5, _seen(0.0, 0.1)), (1.0, _seen(change))),
    )
    assert not early.is_worse(0.01)
    assert end.is_worse(0.01)


def test_what_a_look_decided_stays_decided() -> None:
    sure, unsure = _seen(0.2), _seen(0.03, 0.1)
    (found,) = decide([_case((0.25, sure), (0.5, unsure))], 0.01)
    assert found.verdict is Verdict.FAIL
    assert found.effect.lower > 0.025
    within, later = _seen(0.0, 0.002), _seen(0.02, 0.1)
    (found,) = decide([_case((0.5, within), (1.0, later))], 0.01)
    assert found.verdict is Verdict.PASS
    assert found.effect.upper <= 0.025


@pytest.mark.parametrize(("sure", "last"), [(0.2, 0.02), (0.0, 0.03)])
def test_an_estimate_on_the_other_side_of_the_limit_is_mentioned(sure: float, last: float) -> None:
    """A decision stays, but is not claimed for an estimate that does not support it."""
    (found,) = decide([_case((0.5, _seen(sure, 0.002)), (1.0, _seen(last, 0.1)))], 0.01)
    assert found.verdict is (Verdict.FAIL if sure > last else Verdict.PASS)
    assert "an earlier look showed that it is" in found.reason
    assert found.reason.endswith(f"over the whole run it is +{100 * last:.1f}%")


def test_an_estimate_lies_inside_its_interval() -> None:
    """Looks whose bounds differ by chance, or because of data that a first look did not have."""
    rng, outside = np.random.default_rng(8), 0
    for _ in range(300):
        looks = [(f, _seen(rng.normal(0.03, 0.02), rng.uniform(0.001, 0.01))) for f in (0.25, 0.5, 1.0)]
        one = _case(*looks)
        ends = [seen.bounds(level) for (_, seen), level in zip(looks, LEVELS, strict=True)]
        outside += not max(low for low, _ in ends) <= one.effect.log_change <= min(high for _, high in ends)
        lower, upper = one.history.bounds(0.01)
        assert lower <= one.effect.log_change <= upper
    assert outside > 100, "the narrowest bounds of all looks alone leave it out"


def test_the_bounds_say_what_the_verdict_says() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        looks = [(f, _seen(rng.normal(0.025, 0.02), rng.uniform(0.001, 0.01))) for f in (0.25, 0.5, 1.0)]
        one = _case(*looks)
        effect = one.bounded(0.01)
        lower, upper = one.history.bounds(0.01)
        assert lower <= upper
        ends = [seen.bounds(level) for (_, seen), level in zip(looks, LEVELS, strict=True)]
        if not max(low for low, _ in ends) <= one.effect.log_change <= min(high for _, high in ends):
            continue  # an earlier look's bound was replaced by the last estimate
        assert one.is_worse(0.01) == (effect.lower > 0.025)
        assert one.is_within(0.01) == (effect.upper <= 0.025)


def test_looks_that_contradict_each_other_leave_the_last_one() -> None:
    lower, upper = _case((0.5, _seen(0.0, 0.001)), (1.0, _seen(0.2, 0.001))).history.bounds(0.01)
    assert lower < log1p(0.2) < upper


def test_without_any_error_the_limit_itself_is_within() -> None:
    exact = LookHistory((Seen("model_size_mb", log1p(0.1), 0.0, np.inf),), (1.0,))
    assert not exact.above(log1p(0.1), 0.01)
    assert exact.below(log1p(0.1), 0.01)
    assert exact.bounds(0.01) == (log1p(0.1), log1p(0.1))


@pytest.mark.parametrize(
    ("last", "elapsed", "expected"),
    [(0.0, 0.1, None), (0.0, 0.3, 0.25), (0.25, 0.3, None), (0.25, 0.8, 0.75), (1.0, 2, None)],
)
def test_of_looks_that_were_missed_the_last_one_is_due(last: float, elapsed: float, expected: float | None) -> None:
    assert due((0.25, 0.5, 0.75, 1.0), last, elapsed) == expected


ALONE = Gate(
    metrics={name: MetricGate(gate=False) for name in ("cpu_ms_per_request", "service_mean_ms", "rss_peak_mb")}
)


def _run(slower: float, blocks: int = 30) -> TrialTable:
    rng = np.random.default_rng(1)
    return TrialTable.of(
        execute_trials(
            blocks, 8, lambda _b, arm, _r: float(np.exp(rng.normal(0, 0.01))) * (1 + slower * (arm is Arm.CANDIDATE))
        )
    )


@pytest.mark.parametrize(("slower", "settled"), [(0.0, True), (0.3, True), (0.025, False)])
def test_a_lane_is_settled_when_its_metrics_are_decided(slower: float, *, settled: bool) -> None:
    looking = InterimAnalysis(ALONE, {}, (Source.EXECUTE,))
    verdicts = looking.look(Source.EXECUTE, 0.5, 10.0, _run(slower))
    assert [each.metric for each in verdicts] == ["execute_ms"]
    assert looking.settled(Source.EXECUTE, verdicts) is settled
    assert looking.last(Source.EXECUTE) == 0.5
    assert looking.last(Source.LOAD) == 0.0


def test_a_lane_that_decides_nothing_is_settled_at_its_first_look() -> None:
    looking = InterimAnalysis(ALONE, {}, (Source.EXECUTE, Source.LOAD))
    assert looking.settled(Source.LOAD, looking.look(Source.LOAD, 0.5, 1.0, _run(0.025)))


def test_a_lane_does_not_wait_for_times_of_servers_that_could_not_be_warmed() -> None:
    """The run ends inconclusive anyway (gate.judge), but 24 servers went on measuring for minutes."""
    table, bound = _run(0.025), {"execute_ms": Objective(max=1e-3, severity=Severity.WARN)}
    cold = replace(table, replicas=tuple(replace(fact, cold_requests=7) for fact in facts(World())))
    for each, settled in ((table, False), (cold, True)):
        looking = InterimAnalysis(ALONE, bound, (Source.EXECUTE,))
        assert looking.settled(Source.EXECUTE, looking.look(Source.EXECUTE, 0.25, 5.0, each)) is settled


def test_objectives_are_looked_at_more_strictly_before_the_end() -> None:
    table = TrialTable.of(load_trials(6, lambda *_: [1.0] * 70))
    objective = {"latency_p90_ms": Objective(max=5.0)}
    early, whole = (InterimAnalysis(ALONE, objective, (Source.LOAD,)) for _ in range(2))
    early.look(Source.LOAD, 0.25, 1.0, table)
    assert early.taken[0].objectives[0].verdict is Verdict.INCONCLUSIVE
    assert not early.settled(Source.LOAD, ())
    whole.look(Source.LOAD, 1.0, 1.0, table)
    assert whole.taken[0].objectives[0].verdict is Verdict.PASS
    assert whole.settled(Source.LOAD, ())


def test_a_metric_that_this_run_cannot_decide_does_not_prolong_it() -> None:
    looking = InterimAnalysis(Gate(), {}, (Source.EXECUTE,))  # CPU time and memory are unknown in these trials
    verdicts = looking.look(Source.EXECUTE, 0.5, 1.0, _run(0.3))
    assert looking.settled(Source.EXECUTE, verdicts)


GROWTH = Gate(
    metrics={
        **{
            name: MetricGate(gate=False)
            for name in ("execute_ms", "cpu_ms_per_request", "service_mean_ms", "rss_peak_mb")
        },
        "rss_growth_mb_per_1k": MetricGate(),
    }
)


@pytest.mark.parametrize(("longest", "settled"), [(Source.EXECUTE, True), (Source.LOAD, False), (None, False)])
def test_a_slope_is_decided_in_the_lane_that_has_the_most_time(longest: Source | None, *, settled: bool) -> None:
    looking = InterimAnalysis(GROWTH, {}, (Source.EXECUTE, Source.LOAD), longest=longest)
    table = memory_table(World(), Readings(requests=8000), 0.0, np.random.default_rng(1))
    verdicts = looking.look(Source.EXECUTE, 0.9, 40.0, table)
    assert [each.verdict for each in verdicts] == [Verdict.PASS] * settled
    assert looking.settled(Source.EXECUTE, verdicts)
    assert looking.settled(Source.LOAD, verdicts) is (settled or longest is Source.EXECUTE)


@pytest.mark.parametrize(("replicas", "decides"), [(2, False), (4, False), (5, True), (12, True)])
def test_values_without_any_spread_prove_no_more_than_a_permutation_of_their_servers(
    replicas: int, *, decides: bool
) -> None:
    table = TrialTable.of(execute_trials(3, replicas, lambda _, arm, __: 2.2 if arm is Arm.CANDIDATE else 2.0))
    effect = estimate(BY_NAME["execute_ms"], table, 0.01)
    assert effect is not None
    seen = Seen.of(effect)
    assert (seen.log_se, seen.df) == (0, 2 * replicas - 2)
    limit = log1p(0.025)
    rule_before = 0.0 if seen.log_change > limit else 1.0
    assert rule_before <= 0.01, "decided at the first look, also with two servers"
    assert seen.p_above(limit) == 1 / comb(2 * replicas, replicas)
    found = judge(table, Gate(), {})
    assert found.verdict is (Verdict.FAIL if decides else Verdict.INCONCLUSIVE)
    assert np.isfinite(seen.bounds(0.01)).all() == decides
    if not decides:
        assert "use at least 5 per arm (--replicas)" in found.headline


def test_what_is_known_without_measuring_is_sure() -> None:
    size = Seen("model_size_mb", log1p(0.5), 0.0, inf)
    assert (size.p_above(log1p(0.2)), size.p_below(log1p(0.2))) == (0, 1)
    assert size.bounds(0.01) == (size.log_change, size.log_change)
