"""Changes of each payload, which explain a change of the mean over all requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, expm1

import numpy as np

from perfgate.metrics import METRICS, Estimator, Metric, Source
from perfgate.stats.contrast import half_width, welch
from perfgate.stats.payloads import PayloadMeans, payload_means
from perfgate.stats.replicate import blocks_of, replicates
from perfgate.stats.table import Ints, TrialTable

MOST_PAYLOADS = 64
"""Most payloads; those with the largest part in the time and in the change are kept."""
_TAIL = 0.025
_SINGLE = (Source.EXECUTE, Source.REQUEST)


@dataclass(frozen=True, slots=True)
class PayloadChange:
    """The change of one metric in one recorded request."""

    metric: str
    """Name in the metrics table."""
    payload: int
    """Number of the request, from 0, in the order in which requests were recorded."""
    share: float
    """Share of the traffic."""
    baseline_value: float
    """Value of the baseline in the metric's unit."""
    change: float
    """Candidate/baseline - 1."""
    lower: float
    """Lower end of a 95 % interval over replicas, not corrected for the number of payloads."""
    upper: float
    """Upper end of that interval."""


def payload_changes(table: TrialTable) -> tuple[PayloadChange, ...]:
    """Describe every payload in the metrics that are means over payloads; empty for one arm or one payload."""
    means = (metric for metric in METRICS if metric.estimator is Estimator.BLOCK_RELATIVE)
    return tuple(change for metric in means for change in _of_metric(metric, table))


def _of_metric(metric: Metric, table: TrialTable) -> Iterator[PayloadChange]:
    found = replicates(metric, table)
    if found is None or found.source not in _SINGLE or min(np.bincount(found.units.arm, minlength=2)) < 2:
        return
    units, blocks = blocks_of(metric, found.source, table.columns)
    if not len(blocks.logs) or np.unique(blocks.payload).size < 2:
        return
    means = payload_means(blocks, table.shares)
    for row in _kept(means, units.arm):
        yield _change(metric, means, row, units.arm)


def _kept(means: PayloadMeans, arm: Ints) -> list[int]:
    """Rank payloads by their part in the change of the mean, keep the largest, and restore their order."""
    apart = means.log_mean[:, arm == 1].mean(axis=1) - means.log_mean[:, arm == 0].mean(axis=1)
    part = np.abs(means.weight * np.expm1(apart))
    return sorted(np.argsort(-part, kind="stable")[:MOST_PAYLOADS].tolist())


def _change(metric: Metric, means: PayloadMeans, row: int, arm: Ints) -> PayloadChange:
    result = welch(means.log_mean[row, arm == 0], means.log_mean[row, arm == 1])
    half = half_width(result.se, result.df, _TAIL)
    return PayloadChange(
        metric=metric.name,
        payload=int(means.number[row]),
        share=float(means.share[row]),
        baseline_value=exp(float(means.log_level[row] + means.log_mean[row, arm == 0].mean())),
        change=expm1(result.difference),
        lower=expm1(result.difference - half),
        upper=expm1(result.difference + half),
    )
