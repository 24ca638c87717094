from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.binomial import design_effect, lower_share, quantile_bounds, requests_needed, upper_share


@pytest.mark.parametrize(("quantile", "above", "needed"), [(0.99, 0, 459), (0.99, 1, 662), (0.9, 1, 64)])
def test_requests_that_prove_an_objective(quantile: float, above: int, needed: int) -> None:
    assert requests_needed(quantile, 0.01, above) == needed
    assert upper_share(above, needed, 0.01) <= 1 - quantile < upper_share(above, needed - 1, 0.01)


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (3, 10), (10, 10), (7, 900)])
def test_bounds_are_scipys_exact_ones(hits: int, count: int) -> None:
    interval = stats.binomtest(hits, count).proportion_ci(0.98, method="exact")
    assert lower_share(hits, count, 0.01) == pytest.approx(interval.low)
    assert upper_share(hits, count, 0.01) == pytest.approx(interval.high)


def test_nothing_seen_bounds_nothing() -> None:
    assert (lower_share(0, 0, 0.01), upper_share(0, 0, 0.01)) == (0.0, 1.0)


def test_percentile_bounds_agree_with_the_shares() -> None:
    values = np.arange(1.0, 1001.0)
    bounds = quantile_bounds(values, 0.99, 0.01)
    assert bounds.value == 990.0
    above_upper, from_lower = (values > bounds.upper).sum(), (values >= bounds.lower).sum()
    assert upper_share(above_upper, 1000, 0.01) <= 0.01 < upper_share(above_upper + 1, 1000, 0.01)
    assert lower_share(from_lower, 1000, 0.01) > 0.01 >= lower_share(from_lower - 1, 1000, 0.01)


def test_a_small_sample_has_no_upper_bound() -> None:
    assert quantile_bounds(np.ones(458), 0.99, 0.01).upper == np.inf
    assert quantile_bounds(np.ones(459), 0.99, 0.01).upper == 1.0
    assert quantile_bounds(np.empty(0), 0.99, 0.01).lower == -np.inf


def test_percentile_bounds_hold_their_level() -> None:
    rng, misses = np.random.default_rng(1), 0
    for _ in range(400):
        bounds = quantile_bounds(rng.random(700), 0.9, 0.05)
        misses += (bounds.upper < 0.9) + (bounds.lower > 0.9)
    assert misses <= stats.binom.isf(0.001, 400, 0.1)


def test_clusters_that_resemble_themselves_count_for_less() -> None:
    counts = np.full(4, 100.0)
    assert design_effect(np.array([10.0, 10.0, 10.0, 10.0]), counts) == 1.0
    assert design_effect(np.array([40.0, 0.0, 0.0, 0.0]), counts) == pytest.approx(400 / 9, rel=0.01)
    assert design_effect(np.zeros(4), counts) == 1.0
    assert design_effect(np.array([5.0]), np.array([10.0])) == 1.0
