from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from perfgate.metrics import BY_NAME
from perfgate.stats.binomial import upper_share
from perfgate.stats.estimate import estimate
from perfgate.stats.proportion import Counts
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import requests, trial

ERRORS = BY_NAME["error_rate"]


@pytest.mark.parametrize(("base", "cand"), [(0.0, 0.0), (0.001, 0.01), (0.02, 0.02), (0.01, 0.04)])
def test_each_bound_misses_the_difference_no_more_often_than_it_says(base: float, cand: float) -> None:
    """Exact: all counts, weighted by their probabilities, not simulated."""
    n, alpha, truth = 300, 0.01, cand - base
    seen = np.arange(40)
    weights = stats.binom.pmf(seen, n, base)[:, None] * stats.binom.pmf(seen, n, cand)
    assert weights.sum() > 0.9999
    found = [[Counts(b, n, c, n) for c in seen.tolist()] for b in seen.tolist()]
    low = np.array([[each.lower(alpha) > truth for each in row] for row in found])
    high = np.array([[each.upper(alpha) < truth for each in row] for row in found])
    assert weights[low].sum() <= alpha
    assert weights[high].sum() <= alpha


def test_without_a_failure_the_bound_is_that_of_the_candidate_alone() -> None:
    assert Counts(0, 1000, 0, 1000).upper(0.01) == upper_share(0, 1000, 0.005)
    assert Counts(0, 527, 0, 527).upper(0.01) > 0.01 >= Counts(0, 528, 0, 528).upper(0.01)


@pytest.mark.parametrize("counts", [Counts(2, 800, 20, 900), Counts(0, 100, 3, 100), Counts(0, 10.5, 9.5, 11.5)])
def test_the_p_value_is_the_least_level_that_finds_the_difference(counts: Counts) -> None:
    p = counts.p_above(0.01)
    assert counts.lower(p * 1.001) > 0.01 >= counts.lower(p * 0.999)
    below = counts.p_below(0.05)
    assert below == 1.0 or counts.upper(below * 1.001) < 0.05 <= counts.upper(below * 0.999)


def test_a_difference_that_no_level_finds_has_p_1_and_a_plain_one_has_none() -> None:
    assert Counts(5, 100, 0, 100).p_above(0.0) == 1.0
    assert Counts(0, 10_000, 5_000, 10_000).p_above(0.01) < 1e-12


def test_the_detectable_difference_is_found_four_times_in_five() -> None:
    counts = Counts(1, 1000, 1, 1000)
    share = 0.001 + counts.detectable(0.01, 0.01, 0.8)
    failed = np.arange(1001)
    found = np.array([Counts(1, 1000, n, 1000).lower(0.01) > 0.01 for n in failed.tolist()])
    assert stats.binom.pmf(failed, 1000, share)[found].sum() == pytest.approx(0.8, abs=0.03)
    assert Counts(0, 2, 0, 2).detectable(0.01, 0.01, 0.8) == 1.0  # two requests find nothing


@pytest.mark.parametrize(("counts", "need"), [(Counts(0, 100, 0, 100), 528), (Counts(0, 300, 6, 300), None)])
def test_it_says_how_many_requests_would_decide(counts: Counts, need: int | None) -> None:
    found = counts.requests_to_decide(0.01, 0.01)
    assert found is not None
    decided = counts.times(found / counts.candidate_requests)
    assert decided.upper(0.01) <= 0.01 or decided.lower(0.01) > 0.01
    assert need is None or found == pytest.approx(need, abs=2)
    assert Counts(0, 100, 1, 100).requests_to_decide(0.01, 0.01) is None


def _spread(failed: int, size: int) -> list[int]:
    status = np.zeros(size, int)
    status[np.linspace(0, size, failed, endpoint=False, dtype=int)] = 14
    return status.tolist()


def _runs(failing: dict[Arm, list[int]], size: int = 500) -> TrialTable:
    return TrialTable.of(
        [
            trial(0, arm, 2 * i + (arm is Arm.CANDIDATE), requests([1.0] * size, _spread(n, size)),
                  Lane.LOAD, Depth.REQUEST)
            for arm, each in failing.items()
            for i, n in enumerate(each)
        ]
    )  # fmt: skip


def test_arms_are_compared_by_what_failed_of_each() -> None:
    effect = estimate(ERRORS, _runs({Arm.BASELINE: [1, 1, 1], Arm.CANDIDATE: [11, 10, 9]}), 0.01)
    assert effect is not None
    assert (effect.baseline_value, effect.candidate_value) == (0.002, 0.02)
    assert effect.change == pytest.approx(0.018)
    assert effect.counts is not None
    assert effect.counts.difference == effect.change
    assert effect.counts.clusters == 30
    assert effect.counts.requests_each == pytest.approx(400 / 23, rel=0.2)
    assert (effect.lower, effect.upper) == (effect.counts.lower(0.01), effect.counts.upper(0.01))
    assert effect.candidate_replicas == (0.022, 0.02, 0.018)


def test_failures_of_one_replica_count_as_a_cluster() -> None:
    even, uneven = (
        estimate(ERRORS, _runs({Arm.BASELINE: [0] * 3, Arm.CANDIDATE: failed}, 5000), 0.01)
        for failed in ([200, 200, 200], [600, 0, 0])
    )
    assert even is not None
    assert uneven is not None
    assert uneven.change == pytest.approx(even.change)
    assert uneven.lower < 0.0 < even.lower


def test_one_replica_an_arm_gives_no_interval() -> None:
    assert estimate(ERRORS, _runs({Arm.BASELINE: [0], Arm.CANDIDATE: [0, 0]}), 0.01) is None
