from __future__ import annotations

import numpy as np
import pytest

from perfgate.gate.objectives import candidate_interval
from perfgate.metrics import BY_NAME, Source
from perfgate.stats.cross_run import candidate_of, pooled, side_by_side, swapped
from perfgate.stats.estimate import estimate
from perfgate.stats.summarise import times_by_replica
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.stats.build import execute_trials, fact, load_trials


def _run(candidate_ms: float, size_mb: float) -> TrialTable:
    trials = execute_trials(
        5, 4, lambda _, arm, number: (candidate_ms if arm is Arm.CANDIDATE else 7.0) * (1 + number / 1000)
    )
    facts = [fact(number, list(Arm)[number % 2]) for number in range(8)]
    return TrialTable.of(trials, facts, {Arm.BASELINE: 99.0, Arm.CANDIDATE: size_mb})


def test_the_candidates_of_two_runs_become_the_arms() -> None:
    both = side_by_side(_run(2.0, 10.0), _run(2.2, 11.0))
    effect = estimate(BY_NAME["execute_ms"], both, 0.01)
    assert effect is not None
    assert effect.change == pytest.approx(0.1)
    assert (effect.baseline_value, effect.candidate_value) == pytest.approx((2.003, 2.2033), rel=1e-6)
    assert both.sizes_mb == {Arm.BASELINE: 10.0, Arm.CANDIDATE: 11.0}
    assert [each.arm for each in both.replicas] == [Arm.BASELINE] * 4 + [Arm.CANDIDATE] * 4


def test_no_fork_server_is_common_to_both_runs() -> None:
    both = side_by_side(_run(2.0, 10.0), _run(2.2, 11.0))
    parents = [{each.parent for each in both.replicas if each.arm is arm} for arm in Arm]
    assert parents == [{0, 1}, {2, 3}]


def test_a_run_without_a_baseline_is_taken_as_it_is() -> None:
    alone = candidate_of(_run(2.0, 10.0))
    assert np.unique(alone.columns.arm).tolist() == [1]
    assert alone.columns.service_ms.size == 20
    assert alone.sizes_mb == {Arm.CANDIDATE: 10.0}
    assert estimate(BY_NAME["execute_ms"], side_by_side(alone, alone), 0.01) is not None


def _loaded(times_ms: list[list[float]], arm: Arm = Arm.CANDIDATE) -> TrialTable:
    """A run of one arm, whose servers are numbered 1, 3, 5, …"""
    trials = load_trials(len(times_ms), lambda _, number: times_ms[number])
    facts = [fact(2 * number + 1, arm) for number in range(len(times_ms))]
    return TrialTable.of([each for each in trials if each.arm is arm], facts, {arm: 10.0})


def test_pooled_runs_have_the_servers_and_requests_of_all() -> None:
    runs = [_loaded([[1.0, 2.0], [3.0]]), _loaded([[4.0], [5.0, 6.0, 7.0]]), _loaded([[8.0], [9.0]])]
    found = pooled(runs)
    assert found.columns.service_ms.tolist() == [float(number) for number in range(1, 10)]
    owner = np.repeat(found.columns.replica, found.columns.requests)
    assert np.unique(owner, return_counts=True)[1].tolist() == [2, 1, 1, 3, 1, 1]
    numbers = [each.replica for each in found.replicas]
    assert len(set(numbers)) == len(numbers) == 6
    assert set(numbers) == set(found.columns.replica.tolist())


def test_servers_of_different_runs_stay_clusters_of_their_own() -> None:
    """One slow server among 12 is a cluster; as one server with those of the same number, it would be one of four."""
    calm = [10.0] * 90
    runs = [_loaded([calm + [30.0] * 10 * (run + number == 0) for number in range(4)]) for run in range(3)]
    series = times_by_replica(pooled(runs).columns, Source.LOAD, "response", Arm.CANDIDATE)
    assert sorted(int(np.count_nonzero(times > 20)) for times in series) == [0] * 11 + [10]


def test_pooling_one_run_changes_nothing_but_its_other_arm() -> None:
    run = _run(2.0, 10.0)
    once = pooled([run])
    for metric in ("execute_ms", "model_size_mb", "load_time_s"):
        assert candidate_interval(BY_NAME[metric], once, 0.01) == candidate_interval(BY_NAME[metric], run, 0.01)
    assert set(once.columns.arm.tolist()) == {1}


def test_pooling_the_same_run_again_narrows_the_interval() -> None:
    run = _run(2.0, 10.0)
    metric = BY_NAME["execute_ms"]
    one, four = candidate_interval(metric, pooled([run]), 0.01), candidate_interval(metric, pooled([run] * 4), 0.01)
    assert one is not None
    assert four is not None
    assert four[0] == pytest.approx(one[0])
    assert four[2] - four[1] < 0.5 * (one[2] - one[1])


def test_swapped_arms_are_each_other_and_twice_is_nothing() -> None:
    run = _run(2.0, 10.0)
    other, again = swapped(run), swapped(swapped(run))
    metric = BY_NAME["execute_ms"]
    straight, reversed_ = estimate(metric, run, 0.01), estimate(metric, other, 0.01)
    assert straight is not None
    assert reversed_ is not None
    assert (1 + straight.change) * (1 + reversed_.change) == pytest.approx(1)
    assert straight.change < -0.5, "the candidate takes 2 ms instead of 7"
    assert other.sizes_mb == {Arm.CANDIDATE: 99.0, Arm.BASELINE: 10.0}
    assert [each.arm for each in other.replicas] == [list(Arm)[1 - number % 2] for number in range(8)]
    assert np.array_equal(again.columns.arm, run.columns.arm)
    assert (again.sizes_mb, again.replicas) == (run.sizes_mb, run.replicas)
    before, after = run.columns.service_ms[run.columns.arm == 0], candidate_of(other).columns.service_ms
    assert np.array_equal(before, after), "one request a trial"
