"""From trials to one number a replica: the estimator of each kind of metric (docs/explanation/method.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf, log

import numpy as np

from perfgate.metrics import Estimator, Metric, Source
from perfgate.stats.arm_quantile import arm_quantiles
from perfgate.stats.memoize import remembered
from perfgate.stats.memory_slope import readings
from perfgate.stats.payloads import Blocks, payload_means, sampling_variance, traffic
from perfgate.stats.per_trial import (
    Mask,
    Units,
    block_matrix,
    failures,
    plausible,
    quantile_of,
    rows_of,
    trial_values,
    units_of,
)
from perfgate.stats.table import ARMS, STATES, Columns, Floats, TrialTable
from perfgate.trials import ReplicaFacts, State

COARSE_SHARE = 0.01
"""Share of zero values above which single trials are finer than the clock, and only their sum is meaningful."""


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """One number a replica: the value by which arms are compared, and the same in the metric's unit."""

    source: Source
    state: State
    units: Units
    compared: Floats
    """On the metric's scale; for block-relative metrics relative to the blocks' levels."""
    typical: Floats
    """In the metric's unit."""
    resolution: float = 0.0
    """Standard deviation of one replica's number from the resolution of readings alone, on the metric's scale."""
    sampling: tuple[float, float] = (0.0, 0.0)
    """Variance of the arms' difference because not all payloads were visited, on the metric's scale, and its df."""
    objectives: str = ""
    """What holds at a capacity; empty for other metrics."""


def replicates(metric: Metric, table: TrialTable) -> Replicates | None:
    """Reduce the first of the metric's sources that has usable numbers; None without any.

    A source in which an arm has a single replica comes last: it gives no interval.
    """
    if metric.estimator is Estimator.CAPACITY:
        return _capacities(table)
    alone = None
    for found in _each_source(metric, table):
        if found is None or not found.compared.size or not np.isfinite(found.compared).all():
            continue
        if np.unique_counts(found.units.arm).counts.min() > 1:
            return found
        alone = alone or found
    return alone


def _each_source(metric: Metric, table: TrialTable) -> Iterator[Replicates | None]:
    if metric.estimator is Estimator.REPLICA_SLOPE:
        yield from _slopes(metric, table.columns)
        return
    for source in metric.sources:
        if source is Source.START:
            yield _start_values(metric, table.replicas)
        elif metric.estimator is Estimator.BLOCK_RELATIVE:
            yield _block_relative(metric, source, table)
        elif metric.estimator is Estimator.REPLICA_MEAN:
            yield _plain_means(metric, source, table)
        elif metric.estimator is Estimator.ARM_QUANTILE:
            yield _quantiles(metric, source, table.columns)
        elif metric.estimator is Estimator.REPLICA_VALUE:
            yield _sampled(metric, source, table.columns)


def blocks_of(metric: Metric, source: Source, columns: Columns) -> tuple[Units, Blocks]:
    """Return one source's trials as blocks x replicas; no block if they do not form any."""
    return _blocks(columns, metric, source)


@remembered
def _blocks(columns: Columns, metric: Metric, source: Source) -> tuple[Units, Blocks]:
    rows = rows_of(columns, source)
    units, logs, payload = block_matrix(columns, rows, usable_values(metric, source, columns))
    return units, Blocks(logs, units.arm, payload)


def _block_relative(metric: Metric, source: Source, table: TrialTable) -> Replicates | None:
    columns = table.columns
    rows = rows_of(columns, source)
    if not rows.any():
        return None
    if (usable_values(metric, source, columns)[rows] == 0).mean() > COARSE_SHARE:
        return _plain_means(metric, source, table)
    units, blocks = blocks_of(metric, source, columns)
    if not len(blocks.logs):
        return None
    means = payload_means(blocks, table.shares)
    typical = np.exp(means.log_level_over_all + means.over_all)
    values = np.exp(means.log_level[:, None] + means.log_mean)
    known = means.number[0] >= 0
    sampling = sampling_variance(means.share, values, units.arm, _payloads(table) if known else 0)
    return Replicates(source, state_of(columns, rows), units, means.over_all, typical, sampling=sampling)


def _payloads(table: TrialTable) -> int:
    """Return the number of payloads in the traffic; 0 if unknown."""
    return sum(share > 0 for share in table.shares)


def _plain_means(metric: Metric, source: Source, table: TrialTable) -> Replicates | None:
    """Average each replica's visits within each payload untrimmed, and these means by the payloads' shares."""
    columns = table.columns
    values = usable_values(metric, source, columns)
    rows = rows_of(columns, source) & np.isfinite(values)
    if not rows.any():
        return None
    units, unit = units_of(columns, rows)
    number, payload = np.unique(columns.payload[rows], return_inverse=True)
    cell, shape = payload * units.arm.size + unit, (number.size, units.arm.size)
    visits = np.bincount(cell, minlength=number.size * units.arm.size).reshape(shape)
    sums = np.bincount(cell, weights=values[rows], minlength=visits.size).reshape(shape)
    seen = visits.min(axis=1) > 0  # by every replica, so that all have the same mix
    if not seen.any():
        return None
    share = traffic(number[seen], visits.sum(axis=1)[seen], table.shares)
    means = np.asarray(sums[seen] / visits[seen], np.float64)
    typical = plausible(np.asarray(share @ means, np.float64))
    sampling = sampling_variance(share, means, units.arm, _payloads(table) if number[0] >= 0 else 0)
    return Replicates(source, state_of(columns, rows), units, _log(typical), typical, sampling=sampling)


def usable_values(metric: Metric, source: Source, columns: Columns) -> Floats:
    """Return one number a trial; in the cost lane a trial with a failed request has none.

    Under load failures count, with their deadline: omitting them would make a failing model look fast.
    """
    values = trial_values(columns, metric.statistic)
    return values if source is Source.LOAD else np.where(failures(columns) > 0, np.nan, values)


def requests_for_quantile(share: float) -> int:
    """Return how many requests of an arm its quantile needs.

    2,000 (20 beyond the 99th percentile), or enough for a 95% order-statistic interval with a finite upper end,
    log(0.025) / log(share), whichever is more (David & Nagaraja, Order Statistics, 2003, section 7.1).
    """
    return max(2_000, ceil(log(0.025) / log(share)))


def _quantiles(metric: Metric, source: Source, columns: Columns) -> Replicates | None:
    rows, quantile = rows_of(columns, source), quantile_of(metric.statistic)
    if quantile is None or not rows.any():
        return None
    kind, share = quantile
    units, logs = arm_quantiles(columns, source, kind, share, requests_for_quantile(share))
    return None if logs is None else Replicates(source, state_of(columns, rows), units, logs, np.exp(logs))


def _sampled(metric: Metric, source: Source, columns: Columns) -> Replicates | None:
    values = trial_values(columns, metric.statistic)
    rows = rows_of(columns, source) & np.isfinite(values)
    if not rows.any():
        return None
    units, index = units_of(columns, rows)
    if metric.statistic == "rss_peak_mb":
        typical = np.full(units.arm.size, -inf)
        np.maximum.at(typical, index, values[rows])
    else:
        typical = np.bincount(index, weights=values[rows]) / np.bincount(index)
    return Replicates(source, state_of(columns, rows), units, _log(typical), typical)


def _slopes(metric: Metric, columns: Columns) -> Iterator[Replicates]:
    """Return the sources by the requests between their readings, the most first: those give the most precise slope."""
    found = [(source, readings(columns, rows_of(columns, source))) for source in metric.sources]
    for source, read in sorted(found, key=lambda pair: -pair[1].span):
        if read.span:
            slopes = read.slopes
            state = state_of(columns, rows_of(columns, source))
            yield Replicates(source, state, read.units, slopes, slopes, read.resolution)


def _start_values(metric: Metric, replicas: tuple[ReplicaFacts, ...]) -> Replicates:
    facts = sorted(replicas, key=lambda fact: (ARMS.index(fact.arm), fact.replica))
    typical = plausible(np.array([getattr(fact, metric.statistic) for fact in facts], np.float64))
    known = np.isfinite(typical)
    arm = np.array([ARMS.index(fact.arm) for fact in facts], np.int64)[known]
    replica = np.array([fact.replica for fact in facts], np.int64)[known]
    return Replicates(Source.START, State.COLD, Units(arm, replica), _log(typical[known]), typical[known])


def _capacities(table: TrialTable) -> Replicates | None:
    if table.capacities is None or not table.capacities.arms:
        return None
    found = [table.capacities.arms[arm].values if arm in table.capacities.arms else () for arm in ARMS]
    sizes = [len(values) for values in found]
    units = Units(np.repeat(np.arange(len(ARMS)), sizes), np.concatenate([np.arange(size) for size in sizes]))
    logs = np.concatenate(found)
    objectives = table.capacities.objectives
    return Replicates(Source.CAPACITY, State.UNDER_LOAD, units, logs, np.exp(logs), objectives=objectives)


def _log(values: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values)


def state_of(columns: Columns, rows: Mask) -> State:
    """Return the state in which most of some trials were measured."""
    return STATES[int(np.bincount(columns.state[rows]).argmax())]
