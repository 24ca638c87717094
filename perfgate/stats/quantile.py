"""Percentiles of requests: of each trial, of each replica and of an arm, from times that are sorted once."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor

import numpy as np
from scipy import special

from perfgate.metrics import Source
from perfgate.stats.memoize import remembered
from perfgate.stats.per_trial import Units, ordered_times, rows_of, units_of
from perfgate.stats.table import ARMS, Columns, Floats
from perfgate.trials import Arm

_NO_WEIGHT = 1e-20
"""All order statistics further out have less weight than this together."""


@remembered
def replica_times(columns: Columns, source: Source, kind: str) -> tuple[Units, tuple[Floats, ...]]:
    """Return each replica's request times of one source, in ms, ascending; infinite without an answer."""
    rows = np.flatnonzero(rows_of(columns, source))
    units, unit = units_of(columns, rows)
    ends = np.cumsum(columns.requests)
    begins, times = ends - columns.requests, ordered_times(columns, kind)
    mine = (rows[unit == each].tolist() for each in range(units.arm.size))
    return units, tuple(_merged([times[begins[row] : ends[row]] for row in each]) for each in mine)


@remembered
def arm_times(columns: Columns, source: Source, kind: str, arm: Arm) -> Floats:
    """Return all request times of one arm in one source, in ms, ascending."""
    units, times = replica_times(columns, source, kind)
    return _merged([times[each] for each in np.flatnonzero(units.arm == ARMS.index(arm)).tolist()])


def _merged(ascending: list[Floats]) -> Floats:
    """Merge ascending arrays into one; a stable sort finds and merges the runs."""
    times = np.concatenate([np.empty(0), *ascending])
    times.sort(kind="stable")
    return times


def inverted_cdf(ascending: Floats, share: float) -> float:
    """Return the least value that at least this share does not exceed, like `numpy.quantile` by that name."""
    return float(ascending[max(ceil(share * ascending.size - 1), 0)])


def harrell_davis(ascending: Floats, share: float) -> float:
    """Harrell & Davis, Biometrika 69 (1982) 635; a weighted mean of the order statistics."""
    first, weights = _harrell_davis_weights(ascending.size, share)
    return float(weights @ ascending[first : first + weights.size])


@lru_cache(maxsize=256)
def _harrell_davis_weights(count: int, share: float) -> tuple[int, Floats]:
    """Return the first order statistic with a weight, and the weights from there: 530 of 80,000 for p99."""
    a, b = (count + 1) * share, (count + 1) * (1 - share)
    first = floor(special.betaincinv(a, b, _NO_WEIGHT) * count)
    last = ceil(special.betainccinv(a, b, _NO_WEIGHT) * count)
    return first, np.diff(special.betainc(a, b, np.arange(first, last + 1) / count))
