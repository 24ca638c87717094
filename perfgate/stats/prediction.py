"""A candidate compared with stored numbers: a prediction interval that includes differences between occasions.

Request, burst, replica, occasion: numbers of two days were never measured together, so the occasion is a random effect.
Occasions that are hours apart are correlated, so days count. docs/explanation/method.md, "Compared with stored
numbers", has the formulas and their error rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, fsum, isfinite, log, sqrt

import numpy as np

from perfgate.metrics import Metric, Scale
from perfgate.stats.contrast import Contrast
from perfgate.stats.days import DaySeries, count_days, mean_share, pooled_variance, weights
from perfgate.stats.summary import METHOD

PRIOR_DF = 3.0
"""Low enough that bounds at 1% hold on a machine twice as variable as the prior: t[0.99, 3] is 4.5, twice z."""
_PRIOR_SD = 0.16
"""Equal models measured at different times: p50 apart by more than 5% in 83% and by more than 10% in 66% of runs
(docs/explanation/method.md). Two draws differ by sqrt(2) times the sd, and both shares imply this sd.
"""
_PRIOR_MEMORY_SD = 0.02
"""Ten times the difference of one model's resident set over two hours, with and without busy neighbours."""
_MEMORY_UNIT = "MiB"

OWN_DF = 4.0
"""With five days or more, records determine the spread themselves: t[0.99, 4] is 3.7, and the prior is far too wide."""
CORRELATION_H = (0.0, 72.0)
"""How long occasions may be correlated: not at all, or with correlation exp(-hours / 72). The wider interval of the two
is used, because a few days do not determine the length. Lengths in between miss less often.
"""


@dataclass(frozen=True, slots=True)
class OccasionSpread:
    """How much the numbers of one model vary between occasions: a standard deviation on the metric's scale."""

    sd: float
    """Standard deviation on the metric's scale: for a ratio, 0.01 is about 1 %."""
    df: float
    """Degrees of freedom of that estimate."""
    source: str
    """What it was estimated from, such as `3 days and the prior`."""
    correlation_h: float = 0.0
    """Assumed correlation length of occasions: their correlation is exp(-hours / this); 0 for no correlation."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Replicas of one model on one occasion, one value each on the metric's scale; at least two."""

    values: tuple[float, ...]
    hours: float = 0.0
    """When it took place, in hours since 1970; ignored for the candidate."""

    @staticmethod
    def of(metric: Metric, replicas: Sequence[float], hours: float = 0.0) -> Occasion | None:
        """Map values in the metric's unit to its scale; None for fewer than two, or if any is not on the scale."""
        ratio = metric.scale is Scale.RATIO
        if len(replicas) < 2 or not all(isfinite(value) and (value > 0 or not ratio) for value in replicas):
            return None
        return Occasion(tuple(map(log, replicas)) if ratio else tuple(replicas), hours)

    @property
    def mean(self) -> float:
        """Mean over the replicas."""
        return fsum(self.values) / len(self.values)

    @property
    def variance(self) -> float:
        """Estimated variance of the mean, from the replicas' own spread."""
        mean, count = self.mean, len(self.values)
        return fsum((value - mean) ** 2 for value in self.values) / (count - 1) / count

    @property
    def df(self) -> float:
        """Degrees of freedom of the variance."""
        return len(self.values) - 1.0


@dataclass(frozen=True, slots=True)
class StoredMetric:
    """One metric of a stored baseline, ready to be compared with."""

    occasions: tuple[Occasion, ...]
    spread: OccasionSpread
    source: str
    """Where it was measured, a `Source` value; numbers of other sources are not comparable."""
    state: str
    """In which state, a `State` value."""
    method: int = METHOD
    """Version of the method; numbers of other versions are not comparable."""


@dataclass(frozen=True, slots=True)
class StoredNumbers:
    """All stored numbers of a baseline that are compared."""

    metrics: Mapping[str, StoredMetric]
    size_mb: float
    """Bytes of the model's files, in MiB."""
    servers: frozenset[int]
    """Numbers of servers that were alive on these occasions."""
    refusal: str = ""
    """Why nothing is compared; empty if it is."""
    remedy: str = ""
    """What to do about a refusal."""


def in_unit(metric: Metric, place: float) -> float:
    """Return the value at a position on the metric's scale."""
    return exp(place) if metric.scale is Scale.RATIO else place


def prior_spread(metric: Metric) -> OccasionSpread:
    """Return the documented prior: wide, with few degrees of freedom."""
    if metric.scale is Scale.DIFFERENCE:
        sd = metric.catch / 2  # the default tolerance: an assumption, because nothing was measured
    else:
        sd = _PRIOR_MEMORY_SD if metric.unit == _MEMORY_UNIT else _PRIOR_SD
    return OccasionSpread(sd, PRIOR_DF, "the prior")


def occasion_spread(baseline: Sequence[Occasion], others: Iterable[DaySeries], prior: OccasionSpread) -> OccasionSpread:
    """Estimate the spread from days of the baseline and of other series, shrunk towards the prior.

    Days count, not occasions: an hour later a machine is much the same. The replicas' own noise is included: without
    it, bounds at 1% missed in up to 2% of simulated comparisons. Shrinkage is that of the scaled inverse chi-square:
    variances weighted by their degrees of freedom (Gelman et al., Bayesian Data Analysis, 2013, section 2.6).
    """
    series = (series_of(baseline), *others)
    hours = series[0].hours
    found = [_spread(series, prior, length_h) for length_h in CORRELATION_H]
    return max(found, key=lambda each: each.sd**2 * (1 + mean_share(hours, each.correlation_h)))


def series_of(occasions: Sequence[Occasion]) -> DaySeries:
    """Return one model's levels over its occasions."""
    return DaySeries(tuple(each.hours for each in occasions), tuple(each.mean for each in occasions))


def predict(candidate: Occasion, baseline: Sequence[Occasion], spread: OccasionSpread) -> Contrast:
    """Compare a candidate with the mean over the days of its baseline; each day's number is the mean of its occasions.

    The occasion is drawn once for the candidate and once for each of the baseline. A correlation of the candidate's
    with theirs is ignored, which makes the interval too wide rather than too narrow. Degrees of freedom: Satterthwaite,
    Biometrics Bulletin 2 (1946) 110.
    """
    hours = [each.hours for each in baseline]
    share = weights(hours)
    parts = [
        (candidate.variance, candidate.df),
        *((each.variance * weight**2, each.df) for each, weight in zip(baseline, share.tolist(), strict=True)),
        (spread.sd**2 * (1 + mean_share(hours, spread.correlation_h)), spread.df),
    ]
    variance = sum(part for part, _ in parts)
    below = sum(part**2 / df for part, df in parts)
    difference = candidate.mean - float(share @ np.array([each.mean for each in baseline]))
    return Contrast(difference, sqrt(variance), variance**2 / below if below > 0 else spread.df)


def _spread(series: Sequence[DaySeries], prior: OccasionSpread, length_h: float) -> OccasionSpread:
    variance, df = pooled_variance(series, length_h)
    if not df:
        return replace(prior, correlation_h=length_h)
    days = count_days([hour for each in series if count_days(each.hours) > 1 for hour in each.hours])
    if df >= OWN_DF:
        return OccasionSpread(sqrt(variance), df, f"{days} days", length_h)
    pooled = (df * variance + prior.df * prior.sd**2) / (df + prior.df)
    return OccasionSpread(sqrt(pooled), df + prior.df, f"{days} days and {prior.source}", length_h)
