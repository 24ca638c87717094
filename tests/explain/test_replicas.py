from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from perfgate.explain.replicas import CONFIDENCE, differences, holm, per_replica
from perfgate.explain.traces import Traced
from tests.explain.graphs import spec
from tests.explain.measured import Version, traced

MODEL = Version([spec("out", "Softmax", "x", T="float32")])
SMALL = traced(MODEL, MODEL)


def _table(replicas: int, rounds: int, requests: int) -> Traced:
    """Return a table of visits in the order round, arm, replica; only who was visited with what is of importance."""
    number = np.arange(2 * replicas * rounds)
    arm = number // replicas % 2 == 1
    return replace(
        SMALL, arm=arm, replica=number % replicas + replicas * arm, request=number // (2 * replicas) % requests
    )


def _column(table: Traced, values: object) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, np.float64), table.arm.shape)[:, None]


def test_what_interrupts_a_visit_does_not_count() -> None:
    table = _table(replicas=4, rounds=20, requests=4)
    values = _column(table, 2.0).copy()
    values[[3, 17, 42, 60]] += 50.0
    baseline, candidate = per_replica(values, table)
    np.testing.assert_allclose(np.concatenate([baseline, candidate]), 2.0)


def test_one_slow_request_of_sixteen_counts_in_full() -> None:
    table = _table(replicas=3, rounds=32, requests=16)
    values = _column(table, np.where((table.request == 5) & table.arm, 18.0, 2.0))
    baseline, candidate = per_replica(values, table)
    np.testing.assert_allclose(baseline, 2.0)
    np.testing.assert_allclose(candidate, 2.0 + 16.0 / 16)


def test_a_replica_that_differs_keeps_its_difference() -> None:
    table = _table(replicas=3, rounds=12, requests=3)
    values = _column(table, 1.0 + table.request + 0.1 * (table.replica == 1))
    baseline, candidate = per_replica(values, table)
    np.testing.assert_allclose(baseline[:, 0], [2.0, 2.1, 2.0])
    np.testing.assert_allclose(candidate[:, 0], [2.0, 2.0, 2.0])


def test_requests_weigh_alike_however_often_they_came() -> None:
    table = _table(replicas=2, rounds=3, requests=2)  # requests 0, 1, 0
    values = _column(table, np.where(table.request == 0, 1.0, 4.0))
    np.testing.assert_allclose(per_replica(values, table)[0], 2.5)


@pytest.mark.parametrize("seed", range(5))
def test_differences_are_those_of_welch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    baseline, candidate = rng.normal(1.0, 0.1, (6, 4)), rng.normal(1.1, 0.3, (4 + seed, 4))
    found, expected = differences(baseline, candidate), stats.ttest_ind(candidate, baseline, equal_var=False)
    low, high = map(np.atleast_1d, expected.confidence_interval(CONFIDENCE))
    np.testing.assert_allclose(found.p_values(), expected.pvalue)
    np.testing.assert_allclose(found.df, expected.df)
    np.testing.assert_allclose(found.estimate, candidate.mean(axis=0) - baseline.mean(axis=0))
    np.testing.assert_allclose(found.means, [baseline.mean(axis=0), candidate.mean(axis=0)])
    for number in range(4):
        mine = found.interval(number)
        assert (mine.low, mine.high) == pytest.approx((low[number], high[number]))


def test_constants_have_a_difference_without_doubt() -> None:
    found = differences(np.array([[1.0, 1.0]] * 3), np.array([[1.0, 2.0]] * 3))
    assert found.p_values().tolist() == [1.0, 0.0]
    assert (found.interval(1).low, found.interval(1).high) == (1.0, 1.0)


def test_holm_as_in_the_textbook() -> None:
    """Four hypotheses at 0.05: thresholds 0.0125, 0.0167, 0.025, 0.05; the third fails, so the fourth is not tested."""
    p_values = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p_values, 0.05).tolist() == [True, False, False, True]
    assert holm(p_values, 0.10).tolist() == [True, True, True, True]
    assert holm(np.array([0.03, 0.04]), 0.05).tolist() == [False, False], "0.04 alone would pass at the second step"
    assert holm(np.zeros(0), 0.05).tolist() == []
