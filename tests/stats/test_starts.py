"""Load times and first requests, compared over pairs of servers that were started one after the other."""

from __future__ import annotations

from math import log1p

import numpy as np
import pytest
from scipy import stats

from perfgate.metrics import BY_NAME
from perfgate.stats.contrast import LEAST_PAIRS, Sample, contrast, paired_contrast, start_pairs
from perfgate.stats.effect import Effect
from perfgate.stats.estimate import estimate
from tests.stats.generator import World, sample
from tests.stats.starts import Starts, started

QUIET, BUSY = Starts(), Starts(own_sd=0.15, shared_sd=0.25)


def _effects(change: float, runs: int, world: World, starts: Starts, name: str = "load_time_s") -> list[Effect]:
    rng = np.random.default_rng(41)
    made = (estimate(BY_NAME[name], started(world, starts, change, rng), 0.01, cross_check=False) for _ in range(runs))
    found = [effect for effect in made if effect is not None]
    assert len(found) == runs
    return found


def test_pairs_are_compared_by_students_t() -> None:
    made = sample(World(), 0.03, np.random.default_rng(5))
    pairs = start_pairs(made)
    expected = stats.ttest_1samp(pairs, 0).confidence_interval(0.98)
    assert pairs.size == 12
    assert paired_contrast(made).bounds(0.01) == pytest.approx((expected.low, expected.high))


def test_few_pairs_are_not_worth_their_degrees_of_freedom() -> None:
    made = sample(World(replicas=LEAST_PAIRS - 1), 0.03, np.random.default_rng(5))
    assert paired_contrast(made) == contrast(made)


@pytest.mark.slow
@pytest.mark.parametrize("starts", [QUIET, BUSY], ids=["quiet", "busy"])
@pytest.mark.parametrize("replicas", [4, 12])
def test_each_bound_misses_the_truth_no_more_often_than_it_says(replicas: int, starts: Starts) -> None:
    runs, truth = 500, 0.3
    found = _effects(truth, runs, World(replicas=replicas), starts)
    most = stats.binom.isf(1e-4, runs, 0.01)
    assert sum(effect.lower > truth for effect in found) <= most
    assert sum(effect.upper < truth for effect in found) <= most


@pytest.mark.parametrize("name", ["load_time_s", "first_request_ms", "cold_start_s"])
def test_twice_the_time_is_found_and_the_same_time_is_no_change(name: str) -> None:
    limit = BY_NAME[name].catch / 2
    assert sum(effect.lower > limit for effect in _effects(1.0, 100, World(), QUIET, name)) >= 99
    assert sum(effect.upper <= limit for effect in _effects(0.0, 100, World(), QUIET, name)) >= 97


def test_pairs_are_sharper_where_the_machine_slows_neighbours_alike() -> None:
    found = _effects(0.0, 100, World(), BUSY)
    paired = [log1p(effect.upper) - log1p(effect.lower) for effect in found]
    unpaired = [high - low for low, high in (contrast(_as_sample(effect)).bounds(0.01) for effect in found)]
    assert np.median(paired) < 0.9 * np.median(unpaired)


def _as_sample(effect: Effect) -> Sample:
    value = np.array([*effect.baseline_replicas, *effect.candidate_replicas])
    half = len(effect.baseline_replicas)
    nowhere = np.full(value.size, np.nan)
    return Sample(value, np.arange(value.size) >= half, np.zeros(value.size, np.int64), nowhere)
