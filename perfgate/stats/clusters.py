"""Correlated requests: how many independent requests a share of them is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from perfgate.stats.binomial import design_effect
from perfgate.stats.per_trial import Mask
from perfgate.stats.quantile import inverted_cdf
from perfgate.stats.table import Columns, Floats

MOST_BATCHES = 10
"""Most batches of one server: with more, batches are shorter, and more alike."""
LEAST_BATCH = 20
"""Least requests of a batch; if the autocorrelation time is 19, bounds at 1% err in 0.9% of runs, with 4 in 6.6%."""
_ALMOST_HALF = 0.49
_OTHER_SHARES = (0.5, 0.75, 0.9)
"""Percentiles that show the correlation of requests if too few lie beyond the bound itself."""


def batches(columns: Columns, rows: Mask, values: Floats) -> list[Floats]:
    """Divide each server's requests into up to 10 batches in order of time; `values` has one value a request.

    Batches are whole trials if a server has several, with 20 or more requests on average.
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
    """Return the fraction of its requests that a share keeps, as its variance is estimated from so few clusters.

    (z / t with clusters - 1 degrees of freedom)^2, Korn & Graubard, Survey Methodology 24 (1998) 193; 0 for a single
    cluster.
    """
    if clusters < 2:
        return 0.0
    level = min(alpha, _ALMOST_HALF)  # at one half, both quantiles are 0
    return float((special.ndtri(level) / special.stdtrit(clusters - 1, level)) ** 2)


def tail_effect(series: Sequence[Floats], ascending: Floats, bound: float) -> float:
    """Return the design effect of the share above a bound: the largest of it and those above other percentiles.

    `series`: the times of each cluster; `ascending`: those of all of them. Few requests lie above the bound, so the
    bound alone would tell too little: with none above, the effect would be 1.
    """
    counts = np.array([values.size for values in series], np.float64)
    points = [bound, *(inverted_cdf(ascending, share) for share in _OTHER_SHARES)]
    above = [np.array([np.count_nonzero(values > point) for values in series], np.float64) for point in points]
    return max(design_effect(each, counts) for each in above)
