"""How sure one replica's number is, told from its own trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfgate.metrics import Estimator, Metric, Source
from perfgate.stats.quantile import harrell_davis
from perfgate.stats.replicate import TRIM, Replicates, block_level, usable_values
from perfgate.stats.table import Columns, Floats, Ints
from perfgate.stats.values import block_matrix, quantile_of, request_values, rows_of, units_of

BATCHES = 4
"""Few and long: long ones hold the autocorrelation, and what few cost in degrees of freedom many replicas give back."""


@dataclass(frozen=True, slots=True)
class Within:
    """Replicas of one run around their own levels, on the metric's scale."""

    variance: float
    """Of one trial as it counts: variance / trials is that of a replica's number."""
    trials: float
    """Of each replica, behind its number."""

    @property
    def of_number(self) -> float:
        """Variance of a replica's number that its trials explain."""
        return self.variance / self.trials


def within(metric: Metric, found: Replicates, columns: Columns) -> Within | None:
    """Estimate the requests' part of what a metric's replicas differ by; None where a replica has one value only."""
    if metric.estimator is Estimator.BLOCK_RELATIVE:
        rows = rows_of(columns, found.source)
        units, logs = block_matrix(columns, rows, usable_values(metric, found.source, columns))
        return within_blocks(logs, units.arm)
    if metric.estimator is Estimator.REPLICA_QUANTILE and (quantile := quantile_of(metric.statistic)):
        return _within_requests(found.source, columns, *quantile)
    return None


def within_blocks(logs: Floats, arm: Ints) -> Within | None:
    """Estimate it from blocks x replicas of log values, and each replica's arm; None with fewer than two of either.

    A trimmed mean is nearly the mean of its influence values, the winsorised series over 1 - 2 x trim (Tukey &
    McLaughlin, Sankhya A 25, 1963, 331). What the block does to everybody goes with the block's mean; the variance of
    the rest's mean comes from batch means (Alexopoulos & Seila, in Handbook of Simulation, 1998, chapter 7).
    """
    blocks, replicas = logs.shape
    if blocks < 2 or replicas < 2:
        return None
    relative = logs - block_level(logs, arm)[:, None]
    cut = int(TRIM * blocks)
    ordered = np.sort(relative, axis=0)
    influence = np.clip(relative, ordered[cut], ordered[-1 - cut]) / (1 - 2 * cut / blocks)
    own = influence - influence.mean(axis=1, keepdims=True)
    variance = batch_variance(own) * replicas / (replicas - 1)
    return Within(variance, float(blocks))


def batch_variance(series: Floats) -> float:
    """Variance of one value as it counts in the mean of each column, autocorrelation included; mean over columns.

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
