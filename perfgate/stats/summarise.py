"""Descriptions of each arm separately: values in the metric's unit, and distributions. Nothing is compared here."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, exp, isfinite, log

import numpy as np

from perfgate.metrics import METRICS, Estimator, Metric, Source
from perfgate.stats.capacities import Capacities
from perfgate.stats.per_trial import Mask, failures, plausible, quantile_of, rows_of
from perfgate.stats.quantile import arm_times, inverted_cdf, replica_times
from perfgate.stats.replicate import replicates, usable_values
from perfgate.stats.summary import ArmSummary, Curve
from perfgate.stats.table import ARMS, Columns, Floats, TrialTable
from perfgate.trials import Arm

_SHOWN_ALPHA = 0.05
_TAIL = 64


def summarise(table: TrialTable) -> tuple[ArmSummary, ...]:
    """Describe every metric of every arm that has data."""
    every = (summary_of(metric, arm, table) for metric in METRICS for arm in ARMS)
    return tuple(summary for summary in every if summary is not None)


def summary_of(metric: Metric, arm: Arm, table: TrialTable) -> ArmSummary | None:
    """Describe one metric of one arm; None without data."""
    if metric.estimator is Estimator.CONSTANT:
        size = table.sizes_mb.get(arm)
        return None if size is None else ArmSummary(metric.name, arm, size, (size,))
    if quantile := quantile_of(metric.statistic):
        return _percentile(metric, arm, table.columns, *quantile)
    if metric.estimator is Estimator.CAPACITY:
        return _capacity(metric, arm, table.capacities)
    if metric.estimator is Estimator.PROPORTION:
        return _share(metric, arm, table.columns)
    if Source.START in metric.sources or metric.estimator in {Estimator.REPLICA_VALUE, Estimator.REPLICA_SLOPE}:
        return _replica_values(metric, arm, table)
    return _means(metric, arm, table.columns)


def rows_with_data(metric: Metric, arm: Arm, columns: Columns) -> tuple[Source, Mask] | None:
    """Return the first of the metric's sources in which the arm has requests, and its trials there."""
    for source in metric.sources:
        rows = rows_of(columns, source) & (columns.arm == ARMS.index(arm))
        if columns.requests[rows].sum():
            return source, rows
    return None


def requests_to_show(quantile: float) -> int:
    """Return how many requests a percentile needs to be reported: enough for an upper bound at 95%.

    The largest of n order statistics is above the quantile q with probability 1 - q^n, so n >= log(0.05) / log(q)
    (David & Nagaraja, Order Statistics, 2003, section 7.1): 5 for the median, 29, 299 and 2,995 for p90, p99, p99.9.
    """
    return ceil(log(_SHOWN_ALPHA) / log(quantile))


def percentile_to_show(values: Floats, quantile: float) -> float | None:
    """Return a percentile, in the values' unit; None if there are too few for it, or it is infinite."""
    if values.size < requests_to_show(quantile):
        return None
    value = float(np.quantile(values, quantile, method="inverted_cdf"))
    return value if isfinite(value) else None


def times_by_replica(columns: Columns, source: Source, kind: str, arm: Arm) -> tuple[Floats, ...]:
    """Return the request times of one arm in one source, in ms, one ascending array for each replica with requests."""
    units, times = replica_times(columns, source, kind)
    mine = zip(units.arm.tolist(), times, strict=True)
    return tuple(values for index, values in mine if index == ARMS.index(arm) and values.size)


def _percentile(metric: Metric, arm: Arm, columns: Columns, kind: str, quantile: float) -> ArmSummary | None:
    if (found := rows_with_data(metric, arm, columns)) is None:
        return None
    pooled, need = arm_times(columns, found[0], kind, arm), requests_to_show(quantile)
    enough = pooled.size >= need
    note = "" if enough else f"needs {need:,} requests, has {pooled.size:,}"
    value = inverted_cdf(pooled, quantile) if enough else None
    if value is not None and not isfinite(value):
        value, note = None, "lies among requests that got no answer"
    series = times_by_replica(columns, found[0], kind, arm)
    return ArmSummary(metric.name, arm, value, tuple(_supported(series, quantile, need)), note)


def _supported(series: tuple[Floats, ...], quantile: float, need: int) -> Iterator[float]:
    for values in series:
        if values.size >= need and isfinite(value := inverted_cdf(values, quantile)):
            yield value


def _share(metric: Metric, arm: Arm, columns: Columns) -> ArmSummary | None:
    if (found := rows_with_data(metric, arm, columns)) is None:
        return None
    failed, requests = failures_by_replica(columns, found[1])
    return ArmSummary(metric.name, arm, float(failed.sum() / requests.sum()), tuple((failed / requests).tolist()))


def failures_by_replica(columns: Columns, rows: Mask) -> tuple[Floats, Floats]:
    """Count failed and all requests of each replica among some trials, without replicas that have no requests."""
    _, index = np.unique(columns.replica[rows], return_inverse=True)
    failed = np.bincount(index, weights=failures(columns)[rows])
    requests = np.bincount(index, weights=columns.requests[rows])
    asked = requests > 0
    return np.asarray(failed[asked], np.float64), np.asarray(requests[asked], np.float64)


def _means(metric: Metric, arm: Arm, columns: Columns) -> ArmSummary | None:
    """Mean over a replica's trials, weighted by their denominators; the arm's value is the replicas' mean."""
    per_request = metric.statistic in {"service_mean", "cpu_ms_per_request"}
    weight = plausible(np.asarray(columns.requests if per_request else columns.wall_s, np.float64))
    for source in metric.sources:
        values = usable_values(metric, source, columns)
        rows = rows_of(columns, source) & (columns.arm == ARMS.index(arm)) & np.isfinite(values) & (weight > 0)
        if rows.any():
            _, index = np.unique(columns.replica[rows], return_inverse=True)
            above = np.bincount(index, weights=values[rows] * weight[rows])
            each = (above / np.bincount(index, weights=weight[rows])).tolist()
            return ArmSummary(metric.name, arm, float(np.mean(each)), tuple(each))
    return None


def _replica_values(metric: Metric, arm: Arm, table: TrialTable) -> ArmSummary | None:
    found = replicates(metric, table)
    if found is None:
        return None
    each = found.typical[found.units.arm == ARMS.index(arm)]
    return ArmSummary(metric.name, arm, float(np.median(each)), tuple(each.tolist())) if each.size else None


def _capacity(metric: Metric, arm: Arm, found: Capacities | None) -> ArmSummary | None:
    if found is None or (arm not in found.arms and arm not in found.unknown):
        return None
    if (known := found.arms.get(arm)) is None:
        return ArmSummary(metric.name, arm, None, (), found.unknown[arm])
    return ArmSummary(metric.name, arm, exp(known.spread.value), tuple(map(exp, known.values)))


def curves(table: TrialTable, points: int = 400) -> tuple[Curve, ...]:
    """Return each arm's distribution of response times under load, reduced to about `points`, with the tail kept."""
    return tuple(curve for arm in ARMS if (curve := _curve(table.columns, arm, points)) is not None)


def _curve(columns: Columns, arm: Arm, points: int) -> Curve | None:
    values = arm_times(columns, Source.LOAD, "response", arm)
    answered = values[np.isfinite(values)]
    if not answered.size:
        return None
    keep = _thinned(answered.size, points)
    shares = (keep + 1) / values.size
    return Curve(arm, int(values.size), tuple(answered[keep].tolist()), tuple(shares.tolist()))


def _thinned(count: int, points: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Ranks to keep: evenly spaced ones, denser towards the end, and all of the last few."""
    if count <= points:
        return np.arange(count)
    last = min(_TAIL, points // 4)
    half = (points - last) // 2
    even = np.linspace(0, count - 1, points - last - half)
    tail = count - np.geomspace(count, 1, half)
    return np.unique(np.concatenate([even, tail, np.arange(count - last, count)]).astype(np.int64))
