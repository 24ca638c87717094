"""Variance of one replica's estimate, from its own trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfgate.metrics import Estimator, Metric, Source
from perfgate.stats.payloads import Blocks, payload_means
from perfgate.stats.per_trial import quantile_of, request_values, rows_of, units_of
from perfgate.stats.quantile import harrell_davis
from perfgate.stats.replicate import Replicates, blocks_of
from perfgate.stats.table import Columns, Floats, TrialTable

BATCHES = 4
"""Few and long: long batches contain the autocorrelation, and many replicas make up for the few degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Within:
    """Replicas of one run around their own levels, on the metric's scale."""

    variance: float
    """Variance of one trial as it counts: variance / trials is that of a replica's number."""
    trials: float
    """Number of trials behind each replica's number."""

    @property
    def of_number(self) -> float:
        """Variance of a replica's number that its trials explain."""
        return self.variance / self.trials


def within(metric: Metric, found: Replicates, table: TrialTable) -> Within | None:
    """Estimate the requests' part of the differences between a metric's replicas; None if each has a single value."""
    if metric.estimator is Estimator.BLOCK_RELATIVE:
        return within_blocks(blocks_of(metric, found.source, table.columns)[1], table.shares)
    if metric.estimator is Estimator.ARM_QUANTILE and (quantile := quantile_of(metric.statistic)):
        return _within_requests(found.source, table.columns, *quantile)
    return None


def within_blocks(blocks: Blocks, shares: Sequence[float] = ()) -> Within | None:
    """Estimate it from log values; None with fewer than two blocks or replicas.

    A mean of clipped values is nearly the mean of their influence values, the clipped values over the share that is not
    clipped (Huber, Robust Statistics, 1981, 3.2), each weighted by its payload's part of the time. The block's effect
    on all is removed with the block's mean; the variance of the remainder's mean comes from batch means (Alexopoulos &
    Seila, in Handbook of Simulation, 1998, chapter 7).
    """
    count, replicas = blocks.logs.shape
    if count < 2 or replicas < 2:
        return None
    values, level = blocks.drawn_in
    means = payload_means(blocks, shares)
    row = np.searchsorted(means.number, blocks.payload)
    weight = (means.weight / np.bincount(row))[row] * count
    untouched = float(np.isclose(values, blocks.logs - level[:, None], rtol=0, atol=1e-12).mean())
    own = (values - values.mean(axis=1, keepdims=True)) * weight[:, None] / max(untouched, 0.5)
    variance = batch_variance(own) * replicas / (replicas - 1)
    return Within(variance, float(count))


def batch_variance(series: Floats) -> float:
    """Variance of one value as it counts in the mean of each column, including autocorrelation; mean over columns.

    Times x columns, at least two times. Columns of fewer than eight values count as independent values.
    """
    times = series.shape[0]
    length = times // BATCHES if times >= 2 * BATCHES else 1
    count = times // length
    means = series[: count * length].reshape(count, length, -1).mean(axis=1)
    return float(length * means.var(axis=0, ddof=1).mean())


def _within_requests(source: Source, columns: Columns, kind: str, share: float) -> Within | None:
    """Estimate it for a percentile: the same percentile of quarters of each replica's requests, in order of time."""
    rows = rows_of(columns, source)
    units, index = units_of(columns, rows)
    owner = np.repeat(index, columns.requests[rows])
    values = request_values(columns, kind)[np.repeat(rows, columns.requests)]
    quarters = [
        [harrell_davis(np.sort(part), share) for part in np.array_split(values[owner == unit], BATCHES)]
        for unit in range(units.arm.size)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = float(np.log(quarters).var(axis=1, ddof=1).mean()) / BATCHES
    trials = float(rows.sum()) / units.arm.size
    return Within(variance * trials, trials) if np.isfinite(variance) else None
