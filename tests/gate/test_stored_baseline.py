"""A candidate alone against stored numbers: verdicts, refusals, messages, and error rates."""

from __future__ import annotations

from dataclasses import replace
from math import expm1, log

import numpy as np
import pytest
from scipy import stats

from perfgate.gate.judge import judge
from perfgate.gate.stored_baseline import judge_stored
from perfgate.gate.tolerance import gated_metrics
from perfgate.gate.verdict import Judgement, MetricVerdict, Verdict
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Gate, MetricGate, Objective
from perfgate.stats.prediction import (
    Occasion,
    OccasionSpread,
    StoredMetric,
    StoredNumbers,
    occasion_spread,
    prior_spread,
)
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane, Memory, State
from tests.stats.build import fact, load_trials, requests, trial
from tests.stats.generator import World, sample

STEADY = OccasionSpread(0.002, 30.0, "31 days")
EXECUTE, NO_OBJECTIVES = "execute_ms", dict[str, Objective]()


def _candidate(ms: float = 2.0, replicas: int = 6, size_mb: float = 10.0, spread: float = 0.002) -> TrialTable:
    """Single executions of the candidate only."""
    rows = [
        trial(block, Arm.CANDIDATE, number, requests([ms * (1 + spread * (number - replicas / 2))]))
        for block in range(5)
        for number in range(replicas)
    ]
    return TrialTable.of(rows, [fact(number, Arm.CANDIDATE) for number in range(replicas)], {Arm.CANDIDATE: size_mb})


def _metric(ms: float, spread: OccasionSpread, source: str = "cost/execute", state: str = "cold") -> StoredMetric:
    return StoredMetric((Occasion((log(ms) - 0.002, log(ms), log(ms) + 0.002)),), spread, source, state)


def _stored(ms: float = 2.0, spread: OccasionSpread = STEADY, **metrics: StoredMetric) -> StoredNumbers:
    return StoredNumbers({EXECUTE: _metric(ms, spread), **metrics}, 10.0, frozenset({6}))


def _judged(stored: StoredNumbers, table: TrialTable | None = None, gate: Gate | None = None) -> Judgement:
    return judge_stored(table or _candidate(), gate or Gate(), NO_OBJECTIVES, stored)


def _only(found: Judgement, metric: str = EXECUTE) -> MetricVerdict:
    return next(each for each in found.metrics if each.metric == metric)


def test_a_large_regression_fails_whatever_is_known_of_the_occasions() -> None:
    found = _judged(_stored(spread=prior_spread(BY_NAME[EXECUTE])), _candidate(ms=8.0))
    assert found.verdict is Verdict.FAIL
    assert found.headline.startswith("execute_ms +300%")
    assert _only(found).effect.occasion == prior_spread(BY_NAME[EXECUTE])


def test_a_small_one_is_left_open_and_says_what_would_show_it() -> None:
    found = _judged(_stored(spread=prior_spread(BY_NAME[EXECUTE])), _candidate(ms=2.4))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert _only(found).more.startswith("more replicas or time do not help: record the baseline on more days")
    assert 2 < _only(found).detectable < 4


def test_where_occasions_hardly_differ_equal_models_pass_and_five_percent_fails() -> None:
    assert _judged(_stored()).verdict is Verdict.PASS
    assert _judged(_stored(), _candidate(ms=2.1)).verdict is Verdict.FAIL


def test_more_time_is_advised_where_the_candidate_s_own_spread_is_in_the_way() -> None:
    noisy = _judged(_stored(), _candidate(ms=2.0, spread=0.02))
    assert _only(noisy).verdict is Verdict.INCONCLUSIVE
    assert _only(noisy).more.endswith("times the measuring time")


def test_the_values_shown_and_the_change_fit_together() -> None:
    effect = _only(_judged(_stored(), _candidate(ms=3.0))).effect
    assert effect.candidate_value / effect.baseline_value - 1 == pytest.approx(effect.change)
    assert effect.change == pytest.approx(expm1(effect.log_change))
    assert (effect.state, effect.source) == (State.COLD, "cost/execute")
    assert (len(effect.baseline_replicas), len(effect.candidate_replicas)) == (3, 6)


@pytest.mark.parametrize(("size_mb", "verdict"), [(10.0, Verdict.PASS), (12.0, Verdict.FAIL)])
def test_the_model_s_size_is_compared_exactly(size_mb: float, verdict: Verdict) -> None:
    gate = Gate(metrics={"model_size_mb": MetricGate(catch=0.2), EXECUTE: MetricGate(gate=False)})
    found = _judged(_stored(), _candidate(size_mb=size_mb), gate)
    assert found.verdict is verdict
    effect = _only(found, "model_size_mb").effect
    assert effect.lower == effect.upper == pytest.approx(size_mb / 10 - 1)
    assert effect.occasion is None


def test_another_environment_is_never_compared_and_objectives_are_judged_all_the_same() -> None:
    refused = replace(_stored(), refusal="environment differs (cores 4 then, 2 now)", remedy="record it here")
    found = _judged(refused, _candidate(ms=9.0))
    assert (found.verdict, found.metrics) == (Verdict.INCONCLUSIVE, ())
    assert found.headline == "environment differs (cores 4 then, 2 now): record it here"
    held, broken = (
        judge_stored(_candidate(), Gate(), {EXECUTE: Objective(max=bound)}, refused) for bound in (5.0, 1.0)
    )
    assert (held.verdict, held.objectives[0].verdict) == (Verdict.INCONCLUSIVE, Verdict.PASS)
    assert broken.verdict is Verdict.FAIL


def test_failed_requests_make_the_run_invalid_before_anything_else() -> None:
    failing = trial(0, Arm.CANDIDATE, 0, requests([1.0] * 100, [14] * 2 + [0] * 98))
    table = _candidate(ms=9.0).extended([failing])
    assert _judged(_stored(), table).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("stored", "table", "why"),
    [
        (StoredNumbers({}, 10.0, frozenset()), _candidate(), "execute_ms has no numbers in the record"),
        (
            _stored(execute_ms=_metric(2.0, STEADY, "cost/request", "warm")),
            _candidate(),
            "was measured differently (warm, cost/request then and cold, cost/execute now)",
        ),
        (
            _stored(execute_ms=replace(_metric(2.0, STEADY), method=1)),
            _candidate(),
            "execute_ms was measured differently (by another version of perfgate): record the baseline again",
        ),
        (_stored(), _candidate(replicas=1), "execute_ms needs at least 2 replicas with data per arm"),
    ],
    ids=["not stored", "another lane", "other rules", "one replica"],
)
def test_a_gated_metric_that_cannot_be_compared_is_no_pass(stored: StoredNumbers, table: TrialTable, why: str) -> None:
    found = _judged(stored, table)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert any(why in reason for reason in found.reasons), found.reasons


def test_a_percentile_with_too_few_requests_says_how_many_it_needs() -> None:
    rows = [row for row in load_trials(3, lambda *_: [1.0] * 100) if row.arm is Arm.CANDIDATE]
    gate = Gate(metrics={"latency_p99_ms": MetricGate(), EXECUTE: MetricGate(gate=False)})
    found = _judged(_stored(), TrialTable.of(rows), gate)
    assert "latency_p99_ms needs 2,000 requests per arm, has 300: use about 7 times" in " ".join(found.reasons)


def test_an_error_rate_is_judged_by_its_objective() -> None:
    gate = Gate(metrics={"error_rate": MetricGate()})
    assert "has no stored counts to compare: set objectives.error_rate" in " ".join(
        _judged(_stored(), gate=gate).reasons
    )
    held = judge_stored(_candidate(), Gate(), {"error_rate": Objective(max=0.3)}, _stored())
    assert held.verdict is Verdict.INCONCLUSIVE, "30 requests without a failure"
    assert held.objectives[0].value == 0
    assert held.objectives[0].more == "needs about 514 more requests, 544 in total"


def test_a_percentile_of_the_default_gate_is_judged_where_it_can_be() -> None:
    rows = [row for row in load_trials(3, lambda *_: [1.0] * 100) if row.arm is Arm.CANDIDATE]
    at_once = tuple(each for row in rows for each in (row, replace(row, depth=Depth.EXECUTE, lane=Lane.COST)))
    gate = Gate(metrics={name: MetricGate(gate=False) for name in ("cpu_ms_per_request", "cpu_mean_ms_per_request")})
    assert "latency_p99_ms" in {metric.name for metric in gated_metrics(gate)}
    found = judge_stored(TrialTable.of(at_once), gate, NO_OBJECTIVES, _stored())
    assert not any("latency_p99_ms" in reason for reason in found.reasons)


def test_metrics_that_were_never_measured_are_left_out() -> None:
    both = judge(_candidate(), Gate(), NO_OBJECTIVES)
    assert both.verdict is Verdict.INCONCLUSIVE, "the candidate alone, compared with nothing"
    assert {each.metric for each in _judged(_stored()).metrics} == {EXECUTE, "model_size_mb"}


def test_memory_shared_among_servers_is_compared_where_as_many_are_alive() -> None:
    memory = Memory(rss_mb=100.0, rss_peak_mb=100.0, pss_mb=50.0, uss_mb=20.0)
    rows = [trial(0, Arm.CANDIDATE, number, requests([2.0]), memory=memory) for number in range(6)]
    table = TrialTable.of(rows, [fact(number, Arm.CANDIDATE) for number in range(6)])
    stored = _stored(pss_mb=_metric(50.0, STEADY))
    gate = Gate(metrics={"pss_mb": MetricGate()})
    assert _only(_judged(stored, table, gate), "pss_mb").effect.change == pytest.approx(0.0)
    other = replace(stored, servers=frozenset({12, 24}))
    why = "pss_mb depends on the number of running servers: 12 and 24 then, 6 now"
    assert why in _judged(other, table, gate).reasons


def _simulated(change: float, records: int, occasion_sd: float, runs: int = 250) -> dict[Verdict, int]:
    """Full judgements of one metric; candidate and records each have their own occasion."""
    rng, counts, world = (
        np.random.default_rng(31),
        dict.fromkeys(Verdict, 0),
        World(replicas=12, parents=1, parent_sd=0),
    )
    base = prior_spread(BY_NAME[EXECUTE])
    for _ in range(runs):
        levels = rng.normal(0, occasion_sd, records + 1)
        past = [
            Occasion(tuple((sample(world, 0.0, rng).value[:12] + level).tolist()), 24.0 * day)
            for day, level in enumerate(levels[1:])
        ]
        times = np.exp(sample(world, 0.0, rng).value[:12] + levels[0] + np.log1p(change))
        rows = [trial(0, Arm.CANDIDATE, number, requests([ms])) for number, ms in enumerate(times)]
        metric = StoredMetric(tuple(past), occasion_spread(past, (), base), "cost/execute", "cold")
        found = _judged(StoredNumbers({EXECUTE: metric}, 0.0, frozenset({12})), TrialTable.of(rows))
        counts[found.verdict] += 1
    return counts


@pytest.mark.slow
def test_equal_models_do_not_fail_though_every_record_had_another_day() -> None:
    for records in (1, 5):
        assert _simulated(0.0, records, 0.08)[Verdict.FAIL] <= stats.binom.isf(1e-4, 250, 0.01)


@pytest.mark.slow
def test_a_change_of_exactly_the_tolerance_neither_fails_nor_passes() -> None:
    found = _simulated(0.025, 8, 0.01)
    assert max(found[Verdict.FAIL], found[Verdict.PASS]) <= stats.binom.isf(1e-4, 250, 0.01)


@pytest.mark.slow
def test_a_model_that_takes_half_as_long_again_is_caught_where_the_records_show_a_steady_machine() -> None:
    assert _simulated(0.5, 8, 0.03)[Verdict.FAIL] > 0.95 * 250
