"""Where an objective's ratio to its bound crosses 1, as a function of a dimension: a line in logarithms, fitted nearby.

A local fit, because a time is no power of a width over a wide range: it has a floor, and near the capacity of a server
it rises steeply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, nan, sqrt

import numpy as np
from scipy import special

from perfgate.planning.evaluation import Evaluation, Ratio

LEVEL = 0.95
_NEAREST = 4
"""Fewest measurements that the line is fitted to, if there are as many."""
_REACH = log(1.4)
"""Measurements nearer to the crossing than this factor are used, however many."""
_LEAST_ERROR = 0.01
"""Of a logarithm: two starts of the same servers differ by as much."""
_WIDE = 2.0
"""Error of a logarithm that has no interval."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where one objective reaches its bound."""

    value: float
    lower: float
    upper: float
    slope: float
    """Change of the logarithm of the ratio with that of the dimension."""


def crossing_of(measured: Sequence[Evaluation], metric: str, level: float = LEVEL) -> Crossing | None:
    """Fit a line to the measurements near the crossing; None if it does not rise, or they are all on one side.

    Weighted least squares; the residuals' scatter widens the interval if it is more than the measurements' own errors
    explain, as where the machine changed between them. Delta method for the crossing, Student's t.
    """
    found = [(log(each.value), each.ratios[metric]) for each in measured if metric in each.ratios]
    usable = [(x, log(ratio.value), _error(ratio)) for x, ratio in found if 0 < ratio.value < inf]
    if not (any(y <= 0 for _, y, _ in usable) and any(y > 0 for _, y, _ in usable)):
        return None
    around = _middle(usable)
    for _ in range(3):  # the nearest measurements move the line, and the line says which are the nearest
        near = sorted(usable, key=lambda each: abs(each[0] - around))
        count = max(_NEAREST, sum(abs(x - around) <= _REACH for x, _, _ in near))
        fitted = _fitted(near[:count], level)
        if fitted is None or not 0 < fitted.value < inf:  # it hardly rises, and reaches the bound nowhere near
            return None
        around = min(max(log(fitted.value), min(usable)[0]), max(usable)[0])
    return fitted


def _error(ratio: Ratio) -> float:
    """Return the standard error of the logarithm, from the interval's nearer end."""
    sides = [log(ratio.value / ratio.lower)] if 0 < ratio.lower <= ratio.value else []
    sides += [log(ratio.upper / ratio.value)] if ratio.value <= ratio.upper < inf else []
    return max(_LEAST_ERROR, min(sides) / 2.6) if sides else _WIDE


def _middle(usable: Sequence[tuple[float, float, float]]) -> float:
    """Return the middle between the largest value below the bound and the smallest one above it."""
    below = max(x for x, y, _ in usable if y <= 0)
    above = min(x for x, y, _ in usable if y > 0)
    return (below + above) / 2


def _fitted(near: Sequence[tuple[float, float, float]], level: float) -> Crossing | None:
    x, y, error = np.array(near).T
    if np.unique(x).size < 2:
        return None
    weight = 1 / error**2
    centre = float(np.average(x, weights=weight))
    spread = float(np.sum(weight * (x - centre) ** 2))
    mean = float(np.average(y, weights=weight))
    slope = float(np.sum(weight * (x - centre) * y)) / spread
    if slope <= 0:
        return None
    residuals = float(np.sum(weight * (y - mean - slope * (x - centre)) ** 2))
    free = x.size - 2
    scatter = max(1.0, residuals / free) if free else 1.0
    at = centre - mean / slope
    se = sqrt(scatter * (1 / float(weight.sum()) + (at - centre) ** 2 / spread)) / slope
    t = float(-special.stdtrit(max(free, 1), (1 - level) / 2))
    half = t * se
    return Crossing(_exp(at), _exp(at - half), _exp(at + half), slope)


def _exp(value: float) -> float:
    return exp(value) if value < 700 else inf if value > 0 else nan
