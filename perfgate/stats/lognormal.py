"""The mean of a few positive values that may be skewed."""

from __future__ import annotations

from functools import cache
from math import exp, inf, log, sqrt

import numpy as np
from scipy import optimize, special

from perfgate.stats.table import Floats

_NODES = 400
_LARGEST_LOG = 700.0
_NEGLIGIBLE = 1e-4
"""Share of the level: omitted at either end of the distribution of the variance."""


def upper_mean(values: Floats, alpha: float) -> float:
    """One-sided upper bound of the mean of two or more positive values, treated as lognormal to allow for skewness.

    Generalised confidence limit, Krishnamoorthy & Mathew, Journal of Statistical Planning and Inference 115 (2003) 103:
    the 1 - alpha quantile of m + Z s' / sqrt(n) + s'^2 / 2 with m the mean of the logs, s'^2 = (n - 1) s^2 / U, Z
    normal and U chi-squared with n - 1 degrees of freedom. For values that vary little it is Student's t; infinite if
    nothing bounds the mean.
    """
    logs = np.log(values)
    center, spread, df = float(logs.mean()), float(logs.std(ddof=1)), values.size - 1
    if spread == 0:
        return float(values.mean())
    sigma, weights = _spreads(spread, df, alpha)

    def beyond(distance: float) -> float:
        missed = weights @ special.ndtr((sigma**2 / 2 - distance) * sqrt(values.size) / sigma)
        return log(max(float(missed), 1e-320)) - log(alpha)

    most = _LARGEST_LOG - max(center, 0.0)
    if beyond(most) > 0:
        return inf
    return exp(center + float(optimize.brentq(beyond, -most, most, xtol=1e-12)))


def _spreads(spread: float, df: int, alpha: float) -> tuple[Floats, Floats]:
    """Return standard deviations that are compatible with the observed one, with weights that sum to 1."""
    nodes, weights = _gauss_legendre()
    ends = np.log([2 * special.gammaincinv(df / 2, _NEGLIGIBLE * alpha), special.chdtri(df, _NEGLIGIBLE * alpha)])
    half = float(ends[1] - ends[0]) / 2
    chi2 = np.exp(float(ends.mean()) + half * nodes)
    return spread * np.sqrt(df / chi2), weights * half * chi2 * _chi2_density(chi2, df)


def _chi2_density(x: Floats, df: int) -> Floats:
    """Density of the chi-squared distribution; that of `scipy.stats` takes a second to import."""
    log_density = special.xlogy(df / 2 - 1, x) - x / 2 - special.gammaln(df / 2) - log(2) * df / 2
    return np.asarray(np.exp(log_density), np.float64)


@cache
def _gauss_legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
