"""Exact bounds for shares of requests, and their consequences for percentiles.

Quantiles of the beta distribution come from `scipy.special`: `scipy.stats` returns the same in many times the time.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy import special

from perfgate.stats.table import Floats

_MOST_REQUESTS = 10**9


def lower_share(hits: float, count: float, alpha: float) -> float:
    """One-sided lower bound of a share, Clopper & Pearson, Biometrika 26 (1934) 404; 0 without data."""
    return float(special.betaincinv(hits, count - hits + 1, alpha)) if hits > 0 else 0.0


def upper_share(hits: float, count: float, alpha: float) -> float:
    """One-sided upper bound of a share, Clopper & Pearson; 1 without data."""
    return float(special.betainccinv(hits + 1, count - hits, alpha)) if hits < count else 1.0


def requests_needed(quantile: float, alpha: float, above: int = 0) -> int:
    """Fewest requests that prove a percentile objective if `above` of them exceed its bound.

    With 0 above the 99th percentile's bound this is 459 at 1%, with 1 above 662.
    """

    def proven(count: int) -> bool:
        return bool(special.bdtr(above, count, 1 - quantile) <= alpha)

    return bisect_left(range(_MOST_REQUESTS), x=True, lo=above + 1, key=proven)


def design_effect(hits: Floats, counts: Floats) -> float:
    """Ratio of the variance of a share over clusters to that of independent requests; at least 1.

    Requests of one replica are correlated. Ratio estimator's variance over the binomial one, Korn & Graubard, Survey
    Methodology 24 (1998) 193; dividing hits and counts by it makes the exact bounds valid for clusters. 1 for a single
    cluster, or without hits.
    """
    share, clusters = hits.sum() / max(counts.sum(), 1), int((counts > 0).sum())
    if clusters < 2 or share in {0, 1}:
        return 1.0
    between = clusters / (clusters - 1) * float(np.sum((hits - share * counts) ** 2))
    return max(1.0, between / float(counts.sum() * share * (1 - share)))


@dataclass(frozen=True, slots=True)
class QuantileBounds:
    """One-sided bounds of a percentile from order statistics; infinite if the sample has none."""

    value: float
    lower: float
    upper: float


def quantile_bounds(values: Floats, quantile: float, alpha: float, effect: float = 1.0) -> QuantileBounds:
    """Bound a percentile of `values` (any order), each side at level alpha, for requests with a design effect."""
    ordered, count = np.sort(values, kind="stable"), values.size  # stable: takes almost no time on ascending values
    share = 1 - quantile

    def upper(above: int) -> bool:
        return upper_share(above / effect, count / effect, alpha) > share

    def lower(above: int) -> bool:
        return lower_share(above / effect, count / effect, alpha) > share

    most_above = bisect_left(range(count), x=True, key=upper) - 1
    least_above = bisect_left(range(count + 1), x=True, key=lower)
    return QuantileBounds(
        value=float(np.quantile(ordered, quantile, method="inverted_cdf")) if count else float("nan"),
        lower=float(ordered[count - least_above]) if least_above <= count and count else -np.inf,
        upper=float(ordered[count - 1 - most_above]) if most_above >= 0 else np.inf,
    )
