"""Occasions grouped by day, and what they predict for another day, although neighbours in time are correlated.

Occasions of one model are modelled as a stationary Gaussian process with correlation exp(-hours / length) (Ornstein &
Uhlenbeck; the exponential variogram of Cressie, Statistics for Spatial Data, 1993, section 2.3). For a given length the
estimates here are those of generalised least squares, and predictions from them follow Student's t exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from perfgate.stats.table import Floats, Ints

DAY_H = 20.0
"""Occasions less than this before the newest of their day belong to it; nightly runs may start four hours early."""


@dataclass(frozen=True, slots=True)
class DaySeries:
    """One model's levels over time, measured in one way; one value an occasion."""

    hours: tuple[float, ...]
    """Hours from any fixed instant, all different."""
    values: tuple[float, ...]
    """On the metric's scale."""


def day_of(hours: Sequence[float]) -> Ints:
    """Return the day of each occasion, 0 for the newest; they may be in any order."""
    day, newest, number = [0] * len(hours), inf, -1
    for each in sorted(range(len(hours)), key=lambda place: -hours[place]):
        if newest - hours[each] >= DAY_H:
            newest, number = hours[each], number + 1
        day[each] = number
    return np.array(day, np.int64)


def count_days(hours: Sequence[float]) -> int:
    """Count the days on which there were occasions."""
    return int(day_of(hours).max()) + 1 if hours else 0


def weights(hours: Sequence[float]) -> Floats:
    """Return each occasion's weight in the mean over days of the days' means."""
    averages = _averages(hours)
    return np.asarray(averages.mean(axis=0))


def mean_share(hours: Sequence[float], length_h: float) -> float:
    """Return the variance of the mean over days, as a share of one occasion's variance, for that correlation length."""
    each = weights(hours)
    return float(each @ correlation(hours, length_h) @ each)


def correlation(hours: Sequence[float], length_h: float) -> Floats:
    """Return the occasions' correlations, exp(-hours / length); of length 0 there are none."""
    apart = np.abs(np.subtract.outer(np.asarray(hours), np.asarray(hours)))
    return np.asarray(np.exp(-apart / length_h) if length_h > 0 else apart == 0, np.float64)


def pooled_variance(many: Iterable[DaySeries], length_h: float) -> tuple[float, float]:
    """Estimate an occasion's variance from several days, and its degrees of freedom.

    Unbiased for that length: for independent occasions from all of them around their model's level, including the
    differences within a day; else from the days' means, by generalised least squares. Degrees of freedom are at most
    the distinct days of all series less one, because models measured on the same days share those days' effects.
    """
    found = [each for each in many if count_days(each.hours) > 1]
    if not found:
        return 0.0, 0.0
    squares, free = zip(*(_squares(each, length_h) for each in found), strict=True)
    within = sum(count_days(each.hours) - 1 for each in found)
    days = count_days([hour for each in found for hour in each.hours])
    return sum(squares) / sum(free), float(min(within, days - 1))


def _squares(series: DaySeries, length_h: float) -> tuple[float, int]:
    """Return the generalised sum of squares around the level, and how many of an occasion's squares are in it."""
    if not length_h:
        return float(np.var(series.values)) * len(series.values), len(series.values) - 1
    averages = _averages(series.hours)
    means = averages @ np.asarray(series.values)
    covariance = averages @ correlation(series.hours, length_h) @ averages.T
    ones, whitened = np.ones(means.size), np.linalg.solve(covariance, np.column_stack([np.ones(means.size), means]))
    level = (ones @ whitened[:, 1]) / (ones @ whitened[:, 0])
    return max(float((means - level) @ (whitened[:, 1] - level * whitened[:, 0])), 0.0), means.size - 1


def _averages(hours: Sequence[float]) -> Floats:
    """Return the matrix that averages occasions by day."""
    day = day_of(hours)
    inside = np.asarray(day[None, :] == np.arange(day.max() + 1)[:, None], np.float64)
    return np.asarray(inside / inside.sum(axis=1, keepdims=True))
