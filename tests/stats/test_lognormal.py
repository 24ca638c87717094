from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.lognormal import upper_mean

RUNS = 400
MOST = int(stats.binom.isf(1e-3, RUNS, 0.015))


def test_the_bound_is_the_quantile_of_what_is_simulated() -> None:
    logs, rng = np.array([0.1, -0.2, 0.4, 0.0, 0.3]), np.random.default_rng(44)
    spread = logs.std(ddof=1) * np.sqrt(4 / rng.chisquare(4, 400_000))
    drawn = logs.mean() + rng.standard_normal(400_000) * spread / sqrt(5) + spread**2 / 2
    assert np.log(upper_mean(np.exp(logs), 0.05)) == pytest.approx(np.quantile(drawn, 0.95), abs=0.01)


def test_values_that_hardly_vary_have_students_bound() -> None:
    values = 5.0 + np.array([0.001, -0.002, 0.003, 0.0])
    student = values.mean() + stats.t.isf(0.01, 3) * values.std(ddof=1) / 2
    assert upper_mean(values, 0.01) == pytest.approx(student, rel=1e-4)
    assert upper_mean(np.full(3, 7.0), 0.01) == 7.0


def test_two_values_far_apart_bound_nothing() -> None:
    assert upper_mean(np.array([1.0, 9.0]), 1e-5) == inf


@pytest.mark.parametrize(("servers", "sigma"), [(4, 0.6), (12, 1.0)])
def test_a_skewed_mean_at_its_bound_passes_in_one_run_of_a_hundred(servers: int, sigma: float) -> None:
    """Student's t on the values passes it in 5 to 11 runs of a hundred."""
    rng, now, before = np.random.default_rng((45, servers)), 0, 0
    for _ in range(RUNS):
        values = rng.lognormal(-(sigma**2) / 2, sigma, servers)
        half = stats.t.isf(0.01, servers - 1) * values.std(ddof=1) / sqrt(servers)
        before += values.mean() + half <= 1.0
        now += upper_mean(values, 0.01) <= 1.0
    assert now <= MOST < before
