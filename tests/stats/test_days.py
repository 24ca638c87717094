"""Correlated days: bounds hold, and those that treat records an hour apart as independent do not."""

from __future__ import annotations

import zlib
from math import exp, log1p

import numpy as np
import pytest
from scipy import stats

from perfgate.stats.contrast import Contrast
from perfgate.stats.days import DaySeries, count_days, day_of, mean_share, pooled_variance, weights
from perfgate.stats.prediction import CORRELATION_H, Occasion, OccasionSpread, predict
from tests.stats.timeline import Missed, Timeline, by_days, by_records

ALPHA = 0.01
TOLERANCE = log1p(0.025)
RUNS = 400
MOST = float(stats.binom.isf(1e-4, RUNS, 0.015)) / RUNS
HOURLY = Timeline(records=10, spacing_h=1.0, distance_h=72.0, length_h=24.0)


def _missed(world: Timeline, rule: object = by_days) -> Missed:
    assert callable(rule)
    rng = np.random.default_rng(zlib.crc32(repr(world).encode()))
    return Missed.of([rule(*world.draw(rng)) for _ in range(RUNS)], ALPHA, TOLERANCE)


@pytest.mark.parametrize(
    "world",
    [
        HOURLY,
        Timeline(records=5, spacing_h=24.0, distance_h=168.0, length_h=72.0, sd=0.01),
        Timeline(records=20, spacing_h=6.0, distance_h=168.0, length_h=72.0, sd=0.16),
        Timeline(records=5, spacing_h=24.0, distance_h=24.0, length_h=0.0, sd=0.16),
        Timeline(records=5, spacing_h=24.0, distance_h=168.0, length_h=24.0, sd=0.02, drift=0.002),
        Timeline(records=20, spacing_h=6.0, distance_h=36.0, length_h=0.0, sd=0.01, cycle=0.03),
    ],
    ids=["hourly", "three days alike", "four a day", "nothing alike", "slow drift", "daily cycle"],
)
def test_bounds_hold_however_long_occasions_resemble_each_other(world: Timeline) -> None:
    assert _missed(world).worse <= MOST


def test_records_an_hour_apart_taken_for_independent_miss_twenty_times_as_often() -> None:
    """Control: the rule before."""
    old = _missed(HOURLY, by_records)
    assert min(old.low, old.high) > 0.15
    assert old.failed > 0.04, "equal models"


def test_counting_days_without_their_resemblance_is_too_sure() -> None:
    """Control: the days' own spread is less than half of that a week later."""

    def plain(candidate: Occasion, baseline: list[Occasion]) -> Contrast:
        means = [each.mean for each in baseline]
        return predict(candidate, baseline, OccasionSpread(float(np.std(means, ddof=1)), len(means) - 1.0, "days"))

    world = Timeline(records=5, spacing_h=24.0, distance_h=168.0, length_h=72.0)
    assert _missed(world, plain).worse > MOST


def test_twenty_records_of_one_day_are_as_wide_as_one_record() -> None:
    one, many = _missed(Timeline(records=1)), _missed(Timeline(records=20))
    assert many.half == pytest.approx(one.half, rel=0.03)


def test_a_steady_machine_is_seen_after_five_days() -> None:
    assert _missed(Timeline(records=5, spacing_h=24.0, length_h=0.0, sd=0.01)).half < 0.1


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        ([0.0], [0]),
        ([0.0, 1.0, 19.0], [0, 0, 0]),
        ([0.0, 24.0, 48.0], [2, 1, 0]),
        ([48.0, 0.0, 24.0], [0, 2, 1]),
        ([0.0, 20.5, 44.0], [2, 1, 0]),
        ([0.0, 6.0, 12.0, 18.0, 24.0], [1, 0, 0, 0, 0]),
    ],
    ids=["one", "a day", "daily", "in any order", "an early night", "four a day"],
)
def test_days(hours: list[float], days: list[int]) -> None:
    assert day_of(hours).tolist() == days
    assert count_days(hours) == max(days) + 1


def test_no_occasion_no_day() -> None:
    assert count_days([]) == 0


def test_the_variance_of_a_mean_of_days_that_one_can_check() -> None:
    assert weights([0.0, 1.0, 48.0]).tolist() == [0.25, 0.25, 0.5]
    assert mean_share([0.0, 1.0, 48.0], 0.0) == pytest.approx(0.0625 + 0.0625 + 0.25)
    assert mean_share([0.0, 72.0], 72.0) == pytest.approx((1 + exp(-1)) / 2)


@pytest.mark.parametrize("length_h", CORRELATION_H)
@pytest.mark.parametrize("spacing_h", [6.0, 24.0])
def test_the_variance_is_unbiased_where_the_length_is_right(length_h: float, spacing_h: float) -> None:
    rng, world = np.random.default_rng(5), Timeline(20, spacing_h, length_h=length_h, sd=1.0)
    drawn = (world.draw(rng)[1] for _ in range(400))
    found = [
        pooled_variance([DaySeries(tuple(each.hours for each in many), tuple(each.mean for each in many))], length_h)[0]
        for many in drawn
    ]
    assert np.mean(found) == pytest.approx(1.0, abs=4 * float(np.std(found)) / 400**0.5)
    assert np.mean(found) == pytest.approx(1.0, rel=0.1)


def test_the_variance_of_independent_days_is_the_ordinary_one() -> None:
    variance, df = pooled_variance([DaySeries((0.0, 24.0, 48.0), (1.0, 2.0, 4.0))], 0.0)
    assert variance == pytest.approx(float(np.var([1.0, 2.0, 4.0], ddof=1)))
    assert df == 2
    assert pooled_variance([DaySeries((0.0, 1.0), (1.0, 2.0))], 0.0) == (0.0, 0.0)
