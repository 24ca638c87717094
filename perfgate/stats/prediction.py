"""A candidate compared with stored numbers: a prediction interval that carries what occasions differ by.

Request, burst, replica, occasion: numbers of two days never met, so the occasion is a random effect, drawn anew for
each of them. docs/method.md, "Compared with stored numbers", gives the formulas and their error rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt

import numpy as np

from perfgate.metrics import Metric, Scale
from perfgate.stats.components import Components
from perfgate.stats.contrast import Contrast

PRIOR_DF = 3.0
"""So few that bounds at 1 % hold on a machine twice as unsteady as the prior says: t[0.99, 3] is 4.5, twice z."""
_PRIOR_SD = 0.16
"""Equal models measured at different times: p50 apart by more than 5 % in 83 % and by more than 10 % in 66 % of runs
(docs/method.md). Two draws differ by sqrt(2) times the sd, and both shares give this sd."""
_PRIOR_MEMORY_SD = 0.02
"""Ten times what the resident set of one model differed by over two hours, beside busy neighbours and without."""
_MEMORY_UNIT = "MiB"

MOST_CALIBRATION_DF = 3.0
"""No more than the prior's: runs of a calibration follow one another, and have not seen many hours."""
OWN_DF = 4.0
"""From five occasions on the records tell the spread themselves: t[0.99, 4] is 3.7, and the prior far too wide."""


@dataclass(frozen=True, slots=True)
class OccasionSpread:
    """What the same model's numbers differ by between occasions, as a standard deviation on the metric's scale."""

    sd: float
    """On the metric's scale: 0.01 is about 1 % where it is a ratio."""
    df: float
    """Degrees of freedom: how well it is known."""
    source: str
    """What it was estimated from, for instance `3 records, calibration and prior`."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Replicas of one model on one occasion, one value each on the metric's scale; at least two."""

    values: tuple[float, ...]

    @staticmethod
    def of(metric: Metric, replicas: Sequence[float]) -> Occasion | None:
        """Put values in the metric's unit on its scale; None for fewer than two, or any that has no place there."""
        ratio = metric.scale is Scale.RATIO
        if len(replicas) < 2 or not all(isfinite(value) and (value > 0 or not ratio) for value in replicas):
            return None
        return Occasion(tuple(map(log, replicas)) if ratio else tuple(replicas))

    @property
    def mean(self) -> float:
        """Mean over the replicas."""
        return float(np.mean(self.values))

    @property
    def variance(self) -> float:
        """Estimated variance of the mean, from the replicas' own spread."""
        return float(np.var(self.values, ddof=1)) / len(self.values)

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
    """Where it was measured, a `Source` value: elsewhere is another thing."""
    state: str
    """In which state, a `State` value."""


@dataclass(frozen=True, slots=True)
class StoredNumbers:
    """All that is compared of a stored baseline."""

    metrics: Mapping[str, StoredMetric]
    size_mb: float
    """Bytes of the model's files, in MiB."""
    servers: frozenset[int]
    """How many servers were alive on these occasions."""
    refusal: str = ""
    """Why nothing is compared; empty where it is."""
    remedy: str = ""
    """What to do about a refusal."""


def in_unit(metric: Metric, place: float) -> float:
    """Give the value at a place on the metric's scale."""
    return exp(place) if metric.scale is Scale.RATIO else place


def prior_spread(metric: Metric) -> OccasionSpread:
    """Give the documented prior: wide, and with few degrees of freedom."""
    if metric.scale is Scale.DIFFERENCE:
        sd = metric.catch / 2  # the default tolerance: an assumption, for nothing was measured
    else:
        sd = _PRIOR_MEMORY_SD if metric.unit == _MEMORY_UNIT else _PRIOR_SD
    return OccasionSpread(sd, PRIOR_DF, "the prior")


def calibrated_spread(prior: OccasionSpread, components: Components | None) -> OccasionSpread:
    """Pool the prior and a calibration of the machine; the prior itself where that has no two runs."""
    if components is None or components.occasions < 2 or not isfinite(components.occasion_sd):
        return prior
    df = min(components.occasions - 1.0, MOST_CALIBRATION_DF)
    return _pooled(OccasionSpread(components.occasion_sd, df, "the calibration"), prior)


def occasion_spread(models: Iterable[Sequence[Occasion]], base: OccasionSpread) -> OccasionSpread:
    """Estimate the spread from models that were measured on several occasions each, shrunk towards the base.

    Pooled variance of the occasions' means around their model's. What the replicas' own noise adds to it is left in:
    taken out, bounds at 1 % missed in up to 2 % of simulated comparisons. Shrinking is the scaled inverse chi-square's:
    variances weighted by their degrees of freedom (Gelman et al., Bayesian Data Analysis, 2013, section 2.6).
    """
    means = [[each.mean for each in occasions] for occasions in models if len(occasions) > 1]
    df = float(sum(len(each) - 1 for each in means))
    if not df:
        return base
    squares = sum((len(each) - 1) * float(np.var(each, ddof=1)) for each in means)
    own = OccasionSpread(sqrt(squares / df), df, f"{sum(map(len, means))} occasions")
    return own if df >= OWN_DF else _pooled(own, base)


def predict(candidate: Occasion, baseline: Sequence[Occasion], spread: OccasionSpread) -> Contrast:
    """Compare a candidate with the mean of one or more occasions of its baseline.

    The occasion is drawn once for the candidate and once for each of the m of the baseline, independently: its variance
    counts 1 + 1 / m times, twice where there is one record. Degrees of freedom: Satterthwaite, Biometrics Bulletin 2
    (1946) 110.
    """
    count = len(baseline)
    parts = [
        (candidate.variance, candidate.df),
        *((each.variance / count**2, each.df) for each in baseline),
        (spread.sd**2 * (1 + 1 / count), spread.df),
    ]
    variance = sum(part for part, _ in parts)
    below = sum(part**2 / df for part, df in parts)
    difference = candidate.mean - float(np.mean([each.mean for each in baseline]))
    return Contrast(difference, sqrt(variance), variance**2 / below if below > 0 else spread.df)


def _pooled(one: OccasionSpread, other: OccasionSpread) -> OccasionSpread:
    df = one.df + other.df
    variance = (one.df * one.sd**2 + other.df * other.sd**2) / df
    joint = ", " if " and " in other.source else " and "
    return OccasionSpread(sqrt(variance), df, f"{one.source}{joint}{other.source}")
