"""Requests that resemble each other: how many independent ones a share of them is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from perfgate.stats.binomial import design_effect
from perfgate.stats.per_trial import Mask
from perfgate.stats.quantile import inverted_cdf
from perfgate.stats.table import Columns, Floats

MOST_BATCHES = 10
"""Of one server: more are shorter, and resemble each other more."""
LEAST_BATCH = 20
"""Requests; with 20 and an autocorrelation time of 19 bounds err in 0.9 % of runs at 1 %, with 4 in 6.6 %."""
_ALMOST_HALF = 0.49
_OTHER_SHARES = (0.5, 0.75, 0.9)
"""Percentiles that show how requests resemble each other where the bound itself has too few beyond it."""


def batches(columns: Columns, rows: Mask, values: Floats) -> list[Floats]:
    """Cut each server's requests among some trials into up to 10 batches in order of time, of `values` one a request.

    Batches are whole trials where a server has several, of 20 requests each or more on the average.
    """
    ends = np.cumsum(columns.requests)
    begins, found = ends - columns.requests, []
    for replica in np.unique(columns.replica[rows]).tolist():
        mine = np.flatnonzero(rows & (columns.replica == replica) & (columns.requests > 0)).tolist()
        trials = [values[begins[row] : ends[row]] for row in mine]
        number = max(1, min(MOST_BATCHES, sum(trial.size for trial in trials) // LEAST_BATCH))
        if len(trials) > 1:
            groups = np.array_split(np.arange(len(trials)), min(number, len(trials)))
            found += [np.concatenate([trials[each] for each in group.tolist()]) for group in groups]
        else:
            found += [part for trial in trials for part in np.array_split(trial, number)]
    return found


def certainty(clusters: int, alpha: float) -> float:
    """Return which part of its requests a share keeps since its variance is estimated from so many clusters.

    (z / t with clusters - 1 degrees of freedom)^2, Korn & Graubard, Survey Methodology 24 (1998) 193; nothing is left
    of a single cluster.
    """
    if clusters < 2:
        return 0.0
    level = min(alpha, _ALMOST_HALF)  # at a half both quantiles are 0
    return float((special.ndtri(level) / special.stdtrit(clusters - 1, level)) ** 2)


def tail_effect(series: Sequence[Floats], ascending: Floats, bound: float) -> float:
    """Return the design effect of the share above a bound: the largest of it and those above other percentiles.

    `series`: the times of each cluster; `ascending`: those of all of them. Few requests lie above the bound, so that
    it alone would say too little: with none it would be 1.
    """
    counts = np.array([values.size for values in series], np.float64)
    points = [bound, *(inverted_cdf(ascending, share) for share in _OTHER_SHARES)]
    above = [np.array([np.count_nonzero(values > point) for values in series], np.float64) for point in points]
    return max(design_effect(each, counts) for each in above)
