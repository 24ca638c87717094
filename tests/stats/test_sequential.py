from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.sequential import crosses, nominal_levels, spent

EIGHT = tuple(look / 8 for look in range(1, 9))


def test_the_integration_agrees_with_the_multivariate_normal_distribution() -> None:
    """The looks' statistics are normal with correlations sqrt(t_i / t_j); Genz' integration is independent of ours."""
    times, alpha = (0.2, 0.5, 1.0), 0.05
    fractions = np.array(times)
    correlation = np.sqrt(np.minimum.outer(fractions, fractions) / np.maximum.outer(fractions, fractions))
    bounds = np.asarray(stats.norm.isf(nominal_levels(times, alpha)))
    for looks in (1, 2, 3):
        below = stats.multivariate_normal.cdf(
            bounds[:looks], np.zeros(looks), correlation[:looks, :looks], abseps=1e-7, releps=1e-7, rng=1
        )
        assert 1 - below == pytest.approx(spent(times[looks - 1], alpha), abs=5e-7)


def test_one_look_has_all_of_alpha() -> None:
    assert nominal_levels((1.0,), 0.01) == pytest.approx((0.01,))


def test_the_last_of_eight_looks_costs_little() -> None:
    assert 0.007 < nominal_levels(EIGHT, 0.01)[-1] < 0.01


@pytest.mark.parametrize("alpha", [1e-4, 0.0025, 0.01, 0.05, 0.2])
def test_levels_rise_and_stay_below_what_is_spent(alpha: float) -> None:
    levels = nominal_levels(EIGHT, alpha)
    assert list(levels) == sorted(levels)
    assert all(level <= spent(fraction, alpha) * (1 + 1e-9) for level, fraction in zip(levels, EIGHT, strict=True))
    assert spent(1.0, alpha) == pytest.approx(alpha)


def test_a_look_more_leaves_the_earlier_ones_as_they_were() -> None:
    assert nominal_levels(EIGHT[:3], 0.01) == nominal_levels(EIGHT, 0.01)[:3]


@pytest.mark.parametrize("fractions", [EIGHT, (0.5, 1.0), (0.1, 0.11, 0.9, 1.0)])
def test_random_walks_cross_as_often_as_they_may(fractions: tuple[float, ...]) -> None:
    alpha, runs = 0.05, 200_000
    steps = np.sqrt(np.diff(fractions, prepend=0.0))
    walks = np.cumsum(np.random.default_rng(3).normal(size=(runs, steps.size)) * steps, axis=1)
    above = walks / np.sqrt(fractions) > stats.norm.isf(nominal_levels(fractions, alpha))
    assert abs(int(above.any(axis=1).sum()) - alpha * runs) < 4 * np.sqrt(runs * alpha * (1 - alpha))


def test_peeking_at_the_full_level_instead_would_not() -> None:
    walks = np.cumsum(np.random.default_rng(3).normal(size=(20_000, 8)) / np.sqrt(8), axis=1)
    assert (walks / np.sqrt(EIGHT) > stats.norm.isf(0.05)).any(axis=1).mean() > 0.1


def test_a_first_look_so_early_that_nothing_can_be_spent_declares_nothing() -> None:
    assert nominal_levels((1e-104, 1.0), 0.01) == pytest.approx((0.0, 0.01))
    assert not crosses((1e-313, 0.5), (1e-104, 1.0), 0.01)


def test_any_look_declares_for_good() -> None:
    assert crosses((0.5, 1e-4, 0.9), (0.25, 0.5, 0.75), 0.01)
    assert not crosses((0.5, 2e-3, 0.9), (0.25, 0.5, 0.75), 0.01)
