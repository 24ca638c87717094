"""Similarity of occasions over hours and days: the empirical variogram, and a fitted exponential one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import inf, nan, sqrt

import numpy as np
from scipy import special

from perfgate.stats.days import DaySeries, correlation, count_days
from perfgate.stats.table import Floats

LAGS_H = (0.0, 3.0, 12.0, 36.0, 96.0, inf)
"""Bounds of the classes: the same morning, the same day, the next day, the same week, later."""
LEAST_DAYS = 5
"""Fewest days for fitting a length."""
LONGEST_H = 720.0
"""Longest of the lengths that are tried: a month."""
LEVEL = 0.95
"""Confidence level of the interval."""
_LENGTHS_H = (0.0, *np.geomspace(1.0, LONGEST_H, 40).tolist())


@dataclass(frozen=True, slots=True)
class LagClass:
    """Pairs of occasions of one model that are a similar time apart."""

    least_h: float
    most_h: float
    pairs: int
    sd: float
    """Square root of the semivariance: an occasion's variation if it were no more similar to others."""


@dataclass(frozen=True, slots=True)
class Variogram:
    """Variation of one metric's level from occasion to occasion, on the metric's scale."""

    classes: tuple[LagClass, ...]
    """Classes that have pairs, the nearest first."""
    occasions: int
    """Number of occasions of models that have more than one."""
    days: int
    """Number of their days."""
    sd: float = nan
    """Standard deviation of an occasion, fitted, including the servers' own noise. NaN if unknown."""
    length_h: float = nan
    """Correlation is exp(-hours / this), fitted; NaN if unknown."""
    length_lower_h: float = nan
    """This and the next: a 95% interval of the length by its likelihood ratio, 0 and infinity if it is unbounded."""
    length_upper_h: float = nan


def variogram(many: Sequence[DaySeries]) -> Variogram:
    """Compute the variogram of models' levels over time; differences are taken within each series only.

    The semivariance is Matheron's, half the mean squared difference of a class (Cressie, Statistics for Spatial Data,
    1993, section 2.4). The exponential model is fitted by restricted maximum likelihood over a grid of lengths, because
    pairs of one occasion are not independent (section 2.6).
    """
    found = [each for each in many if len(each.hours) > 1]
    hours = [hour for each in found for hour in each.hours]
    classes, days = tuple(_classes(found)), count_days(hours)
    known = _fitted(found) if days >= LEAST_DAYS else None
    return Variogram(classes, len(hours), days, *(known or ()))


def _classes(many: Sequence[DaySeries]) -> Iterator[LagClass]:
    pairs = [
        (abs(one[0] - other[0]), (one[1] - other[1]) ** 2 / 2)
        for each in many
        for one, other in combinations(zip(each.hours, each.values, strict=True), 2)
    ]
    for least, most in pairwise(LAGS_H):
        inside = [half for apart, half in pairs if least <= apart < most]
        if inside:
            yield LagClass(least, most, len(inside), sqrt(sum(inside) / len(inside)))


def _fitted(many: Sequence[DaySeries]) -> tuple[float, float, float, float] | None:
    """Return sd, length and its interval; None if levels do not vary at all."""
    tried = [_restricted(many, length_h) for length_h in _LENGTHS_H]
    variances, likelihoods = (np.array(each) for each in zip(*tried, strict=True))
    if not variances.all():
        return None
    best = int(likelihoods.argmax())
    inside = np.flatnonzero(likelihoods >= likelihoods[best] - special.gammaincinv(0.5, LEVEL))
    upper = inf if inside[-1] == len(_LENGTHS_H) - 1 else _LENGTHS_H[inside[-1]]
    return sqrt(variances[best]), _LENGTHS_H[best], _LENGTHS_H[inside[0]], upper


def _restricted(many: Sequence[DaySeries], length_h: float) -> tuple[float, float]:
    """Return the variance, and the restricted log likelihood at it."""
    squares, determinants = zip(*(_parts(each, length_h) for each in many), strict=True)
    free = sum(len(each.hours) - 1 for each in many)
    variance = sum(squares) / free
    return variance, -(sum(determinants) + free * np.log(variance)) / 2 if variance > 0 else -inf


def _parts(series: DaySeries, length_h: float) -> tuple[float, float]:
    """Return the generalised sum of squares around the level, and the log determinants of the restricted likelihood."""
    shape, values = correlation(series.hours, length_h), np.asarray(series.values)
    solved: Floats = np.linalg.solve(shape, np.column_stack([np.ones_like(values), values]))
    information = float(solved[:, 0].sum())
    rest = values - solved[:, 1].sum() / information
    squares = float(rest @ (solved[:, 1] - solved[:, 0] * solved[:, 1].sum() / information))
    return max(squares, 0.0), float(np.linalg.slogdet(shape)[1]) + float(np.log(information))
