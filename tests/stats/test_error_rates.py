"""The method's claims, checked against simulated truth; every limit is the nominal rate plus binomial slack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.contrast import Sample, contrast
from tests.stats.generator import World, autoregressive, sample

ALPHA = 0.01
RUNS = 1000
MOST = int(stats.binom.isf(1e-4, RUNS, ALPHA))
"""Number of errors in RUNS exceeded by chance once in 10,000 tests at the nominal rate."""

WORLDS = {
    "quiet": World(),
    "start order": World(start_slope=0.02),
    "steep start order": World(start_slope=0.06),
    "fork servers apart": World(parents=4, parent_sd=0.03),
    "two kinds of replica": World(second_mode=0.02),
    "few replicas": World(replicas=4),
}


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_each_bound_misses_the_truth_no_more_often_than_it_says(world: World) -> None:
    rng, low, high = np.random.default_rng(11), 0, 0
    for _ in range(RUNS):
        lower, upper = contrast(sample(world, 0.03, rng)).bounds(ALPHA)
        low += lower > np.log1p(0.03)
        high += upper < np.log1p(0.03)
    assert low <= MOST
    assert high <= MOST


def test_taking_the_start_order_out_pays_where_there_is_one() -> None:
    def width(world: World) -> float:
        rng = np.random.default_rng(12)
        return float(np.mean([contrast(sample(world, 0.0, rng)).se for _ in range(100)]))

    flat, steep = width(World()), width(World(start_slope=0.06))
    assert steep < 1.1 * flat
    blind = [contrast(replace(s, position=s.position * np.nan)) for s in _steep(100)]
    assert np.mean([found.se for found in blind]) > 1.5 * steep


def _steep(runs: int) -> list[Sample]:
    rng = np.random.default_rng(12)
    return [sample(World(start_slope=0.06), 0.0, rng) for _ in range(runs)]


# Methods known to be wrong: the simulation must be able to show it.


@pytest.mark.slow
def test_pooled_requests_call_equal_models_different() -> None:
    rng, world, called, runs = np.random.default_rng(13), World(replicas=1, parents=1), 0, 100
    for _ in range(runs):
        requests = autoregressive((2000, 2), world.autocorrelation, rng) * world.request_sd
        requests += rng.normal(0, world.replica_sd, 2)
        called += int(stats.mannwhitneyu(requests[:, 0], requests[:, 1]).pvalue < ALPHA)
    assert called / runs > 0.3


def test_the_percentile_bootstrap_is_far_too_sure_with_five_replicas() -> None:
    rng, runs = np.random.default_rng(14), 800
    arms = rng.normal(size=(2, runs, 5))
    draws = rng.integers(0, 5, (2, runs, 1000, 5))
    means = np.take_along_axis(arms[:, :, None, :], draws, axis=3).mean(axis=3)
    bounds = np.quantile(means[1] - means[0], ALPHA, axis=1)
    bootstrap = (bounds > 0).mean()
    welch = (stats.ttest_ind(arms[1], arms[0], axis=1, equal_var=False, alternative="greater").pvalue < ALPHA).mean()
    assert bootstrap > 0.03
    assert welch * runs <= stats.binom.isf(1e-4, runs, ALPHA)


def test_peeking_at_a_fixed_level_is_wrong_too_often() -> None:
    rng, runs, looks = np.random.default_rng(15), 4000, 20
    blocks = rng.normal(size=(runs, 12 * looks))
    ends = np.arange(12, 12 * looks + 1, 12)
    z = np.cumsum(blocks, axis=1)[:, ends - 1] / np.sqrt(ends)
    beyond = z > stats.norm.isf(ALPHA)
    assert beyond.any(axis=1).mean() > 0.04
    assert beyond[:, -1].sum() <= stats.binom.isf(1e-4, runs, ALPHA)
