"""A percentile of all requests of an arm, and each replica's contribution to it."""

from __future__ import annotations

import numpy as np

from perfgate.metrics import Source
from perfgate.stats.per_trial import Units
from perfgate.stats.quantile import arm_times, replica_times
from perfgate.stats.table import ARMS, Columns, Floats


def arm_quantiles(columns: Columns, source: Source, kind: str, share: float, of: int) -> tuple[Units, Floats | None]:
    """Return a log value for each replica whose mean over an arm is the log of the arm's percentile.

    The percentile is Harrell and Davis's (Biometrika 69, 1982, 635) for a sample of `of` requests: if a change affects
    one request in a hundred, the exact 99th percentile lies between two kinds of requests and jumps. A replica's value
    is the percentile plus the replica's influence on it, the delta method with servers as clusters (Deng, Knoblich &
    Lu, KDD 2018; the influence of an L-estimator: Serfling, Approximation Theorems, 1980, 8.1). None with fewer than
    `of` requests of an arm, or unanswered ones.
    """
    units, times = replica_times(columns, source, kind)
    logs = np.full(units.arm.size, np.nan)
    for arm in np.unique(units.arm).tolist():
        pooled = arm_times(columns, source, kind, ARMS[arm])
        if pooled.size < of or not np.isfinite(pooled[-1]) or pooled[0] <= 0:
            return units, None
        mine = np.flatnonzero(units.arm == arm)
        logs[mine] = _influenced(pooled, [times[index] for index in mine.tolist()], share, of)
    return units, logs


def _influenced(pooled: Floats, times: list[Floats], share: float, of: int) -> Floats:
    """Log percentile of the pooled times, ascending, and each replica's influence on it."""
    from scipy import stats  # noqa: PLC0415 - takes a second to import, and few commands need it

    shape = stats.beta((of + 1) * share, (of + 1) * (1 - share))
    at = np.arange(pooled.size + 1) / pooled.size
    first = max(int(np.searchsorted(at, shape.ppf(1e-12))) - 1, 0)
    value = float(np.diff(shape.cdf(at[first:])) @ pooled[first:])
    # Between two neighbours in rank the distribution function is `at`; a request counts in all ranks above it.
    steps = shape.pdf(at[first + 1 : -1]) * np.diff(pooled[first:])
    above = np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])
    centre = float(steps @ at[first + 1 : -1])
    sizes = np.array([each.size for each in times], np.float64)
    means = np.array([above[_ranks(pooled, each, first)].mean() if each.size else 0.0 for each in times])
    return np.asarray(np.log(value) + (centre - means) * sizes / sizes.mean() / value, np.float64)


def _ranks(pooled: Floats, times: Floats, first: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rank of each request among the pooled ones from `first` on; those before it all have the first rank."""
    return np.maximum(np.searchsorted(pooled, times) - first, 0)
