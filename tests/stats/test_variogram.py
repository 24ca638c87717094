"""Variograms of levels over time."""

from __future__ import annotations

from math import inf, isnan, sqrt

import numpy as np
import pytest

from perfgate.stats.days import DaySeries
from perfgate.stats.variogram import LEAST_DAYS, Variogram, variogram
from tests.stats.timeline import Timeline


def _series(world: Timeline, rng: np.random.Generator) -> DaySeries:
    records = world.draw(rng)[1]
    return DaySeries(tuple(each.hours for each in records), tuple(each.mean for each in records))


def _of(length_h: float, seed: int = 1) -> Variogram:
    rng = np.random.default_rng(seed)
    return variogram([_series(Timeline(60, 6.0, length_h=length_h, sd=0.05), rng) for _ in range(2)])


def test_classes_that_one_can_check() -> None:
    found = variogram([DaySeries((0.0, 1.0, 24.0), (1.0, 1.2, 2.0)), DaySeries((0.0,), (9.0,))])
    near, day = found.classes
    assert (near.least_h, near.most_h, near.pairs) == (0.0, 3.0, 1)
    assert near.sd == pytest.approx(sqrt(0.04 / 2))
    assert (day.least_h, day.most_h, day.pairs) == (12.0, 36.0, 2)
    assert day.sd == pytest.approx(sqrt((1.0 + 0.64) / 4))
    assert (found.occasions, found.days) == (3, 2)


def test_models_are_compared_with_themselves_only() -> None:
    found = variogram([DaySeries((0.0, 24.0), (1.0, 1.0)), DaySeries((1.0, 25.0), (5.0, 5.0))])
    assert [(each.pairs, each.sd) for each in found.classes] == [(2, 0.0)]


def test_what_is_alike_for_a_day_differs_less_after_an_hour_than_after_a_week() -> None:
    classes = _of(24.0).classes
    assert classes[0].sd < 0.8 * classes[-1].sd
    assert classes[-1].most_h == inf


@pytest.mark.parametrize("length_h", [0.0, 24.0, 72.0])
def test_the_interval_of_the_length_holds_the_truth(length_h: float) -> None:
    held = [found.length_lower_h <= length_h <= found.length_upper_h for found in (_of(length_h, n) for n in range(8))]
    assert sum(held) >= 6


def test_a_correlation_of_a_day_is_distinguished_from_none() -> None:
    """Control: an interval that contains everything would contain the truth as well."""
    assert _of(24.0).length_lower_h > 6.0
    assert _of(0.0).length_upper_h < 6.0
    assert _of(24.0).sd == pytest.approx(0.05, rel=0.4)


def test_a_few_days_give_no_correlation_length() -> None:
    rng = np.random.default_rng(2)
    few = variogram([_series(Timeline(LEAST_DAYS - 1, 24.0), rng)])
    enough = variogram([_series(Timeline(LEAST_DAYS, 24.0), rng)])
    assert isnan(few.length_h)
    assert not isnan(enough.length_h)


def test_no_or_constant_values_give_no_correlation_length() -> None:
    assert variogram([]) == variogram([DaySeries((0.0,), (1.0,))])
    still = variogram([DaySeries(tuple(24.0 * day for day in range(6)), (1.0,) * 6)])
    assert isnan(still.sd)
    assert still.classes[0].sd == 0
