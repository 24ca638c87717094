"""Zipf's law over a bounded range of ranks, exact, at a cost that does not depend on the range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST_RANGE = 1 << 53
"""Most ranks: beyond it doubles skip some."""
_SMALL = 1e-8  # below, the series to its second term is exact in double precision


def zipf_ranks(count: int, ranks: int, exponent: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` ranks from 1 … `ranks`, k in proportion to k ** -exponent; exponent above 0, ranks to 2 ** 53.

    Rejection-inversion: W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from monotone discrete
    distributions", ACM TOMACS 6(3), 1996, 169-184. `scipy.stats.zipfian` sums over the range, seconds for 10 ** 6.
    """
    density, area, inverse = _hat(exponent)
    first, last = area(np.float64(1.5)) - 1, area(np.float64(ranks + 0.5))
    sure = 2 - inverse(area(np.float64(2.5)) - density(np.float64(2)))
    drawn, missing = np.empty(count, np.int64), np.arange(count)
    while missing.size:
        under = last + generator.random(missing.size) * (first - last)
        x = inverse(under)
        k = np.clip(np.floor(x + 0.5), 1, ranks)
        accepted = (k - x <= sure) | (under >= area(k + 0.5) - density(k))
        drawn[missing[accepted]] = k[accepted].astype(np.int64)
        missing = missing[~accepted]
    return drawn


_Curve = Callable[[Floats | np.float64], Floats]


def _hat(exponent: float) -> tuple[_Curve, _Curve, _Curve]:
    """Return x ** -exponent, its integral from 1, and the inverse of that, all three stable near exponent 1."""
    power = 1 - exponent

    def density(x: Floats | np.float64) -> Floats:
        return np.exp(-exponent * np.log(x))

    def area(x: Floats | np.float64) -> Floats:
        log = np.log(x)
        return _over(np.expm1, power * log) * log

    def inverse(y: Floats | np.float64) -> Floats:
        return np.exp(_over(np.log1p, np.maximum(power * y, -1 + 1e-16)) * y)

    return density, area, inverse


def _over(function: np.ufunc, x: Floats) -> Floats:
    """Divide `expm1(x)` or `log1p(x)` by x, also near 0."""
    x = np.asarray(x)
    sign = 0.5 if function is np.expm1 else -0.5
    safe = np.where(np.abs(x) < _SMALL, 1.0, x)
    return np.where(np.abs(x) < _SMALL, 1 + sign * x, function(safe) / safe)
