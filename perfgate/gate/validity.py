"""Whether there are enough data: runs that cannot be judged at all, and metrics without an effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from perfgate import formatting
from perfgate.formatting import about_times
from perfgate.gate.tolerance import is_required
from perfgate.metrics import Estimator, Metric, Source
from perfgate.scenario.schema import Gate, Objective
from perfgate.stats.capacities import Capacities
from perfgate.stats.per_trial import Mask, failures, quantile_of, request_values, rows_of, trial_values, units_of
from perfgate.stats.quantile import replica_times
from perfgate.stats.replicate import requests_for_quantile
from perfgate.stats.table import ARMS, SOURCES, Columns, TrialTable
from perfgate.trials import Arm, status_name

_MOST_NAMED = 3
MOST_FAILED = 0.01
"""Share of failed requests above which times are meaningless: requests that fail quickly look fast."""
_LANES = {
    Source.EXECUTE: "the cost lane at depth execute",
    Source.REQUEST: "the cost lane at depth request",
    Source.LOAD: "the load lane",
    Source.OPS: "the traced executions (budget.explain_s)",
}


def invalid_because(
    table: TrialTable, objectives: Mapping[str, Objective], arms: Sequence[Arm] = ARMS
) -> tuple[str, ...]:
    """Return a reason for each arm and source in which too many requests failed.

    The limit is 1 %, or the scenario's own objective on `error_rate` if that is larger.
    """
    allowed = objectives.get("error_rate")
    limit = max(MOST_FAILED, allowed.max or 0.0 if allowed else 0.0)
    columns, failed = table.columns, failures(table.columns)
    reasons = []
    for source in SOURCES:
        for arm in arms:
            index = ARMS.index(arm)
            rows = rows_of(columns, source) & (columns.arm == index)
            requests = int(columns.requests[rows].sum())
            share = failed[rows].sum() / requests if requests else 0.0
            if share > limit:
                words = f"{arm}: {formatting.share(share)} of {requests:,} requests failed"
                reasons.append(f"{words} with {_statuses(columns, rows)} ({source}; limit {formatting.share(limit)})")
    return tuple(reasons)


def _statuses(columns: Columns, rows: Mask) -> str:
    """List the statuses of failed requests, most frequent first."""
    status = columns.status[np.repeat(rows, columns.requests)]
    counts = Counter(status[status != 0].tolist())
    return ", ".join(status_name(each) for each, _ in counts.most_common(_MOST_NAMED))


def is_expected(metric: Metric, table: TrialTable, gate: Gate) -> bool:
    """Return whether a run without the metric is inconclusive; not for a default metric that was never measured."""
    return is_required(metric, gate) and (metric.name in gate.metrics or has_numbers(metric, table))


def has_numbers(metric: Metric, table: TrialTable) -> bool:
    """Return whether any trial or start has a number for the metric, usable or not; 0 counts only for a share."""
    if metric.estimator is Estimator.CONSTANT:
        return False
    if metric.estimator is Estimator.CAPACITY:
        return table.capacities is not None
    if Source.START in metric.sources:
        return any(getattr(fact, metric.statistic) > 0 for fact in table.replicas)
    columns = table.columns
    rows = np.any([rows_of(columns, source) for source in metric.sources], axis=0)
    if metric.estimator is Estimator.PROPORTION:
        return bool(columns.requests[rows].any())
    return bool((trial_values(columns, metric.statistic)[rows] > 0).any())


def is_in_reach(metric: Metric, source: Source, fraction: float, table: TrialTable) -> bool:
    """Return whether a percentile with too few requests so far will have enough at the end of its lane.

    `fraction`: share of the lane's time that has passed. False if a request got no answer: there is no percentile then.
    """
    quantile, columns = quantile_of(metric.statistic), table.columns
    rows = rows_of(columns, source)
    if metric.estimator is not Estimator.ARM_QUANTILE or quantile is None:
        return False
    if not np.isfinite(request_values(columns, quantile[0])[np.repeat(rows, columns.requests)]).all():
        return False
    has = float(np.bincount(columns.arm[rows], weights=columns.requests[rows], minlength=len(ARMS)).min())
    return has < requests_for_quantile(quantile[1]) <= has / fraction


def why_missing(metric: Metric, table: TrialTable) -> str:
    """Return the reason and the remedy in one clause."""
    if metric.estimator is Estimator.CAPACITY:
        return _why_not_known(metric, table.capacities)
    if not has_numbers(metric, table):
        return f"{metric.name} has no data: {_where_from(metric, table)}"
    if _fewest_replicas(metric, table) < 2:
        return f"{metric.name} needs at least 2 replicas with data per arm"
    if (quantile := quantile_of(metric.statistic)) and metric.estimator is Estimator.ARM_QUANTILE:
        return _too_few_requests(metric, quantile, table.columns)
    if metric.estimator is Estimator.REPLICA_SLOPE:
        return f"{metric.name} needs at least two memory readings in one lane: measure longer or with fewer replicas"
    return f"{metric.name} has no block in which every replica has a positive value: check for failed requests"


def _why_not_known(metric: Metric, found: Capacities | None) -> str:
    if found is None:
        return f"{metric.name} has no data: give the search for it time (budget.capacity_s)"
    return f"{metric.name} is not known: {'; '.join(f'{arm}: {why}' for arm, why in found.unknown.items())}"


def _too_few_requests(metric: Metric, quantile: tuple[str, float], columns: Columns) -> str:
    """Describe how many requests are missing."""
    need = requests_for_quantile(quantile[1])
    units, times = replica_times(columns, Source.LOAD, quantile[0])
    if any(each.size and not isfinite(each[-1]) for each in times):
        return f"{metric.name} falls among requests without a response: check for failed requests"
    sizes = np.array([each.size for each in times])
    has = min(int(sizes[units.arm == arm].sum()) for arm in np.unique(units.arm))
    longer = about_times(need / max(has, 1))
    return f"{metric.name} needs {need:,} requests per arm, has {has:,}: use {longer} the load time"


def _where_from(metric: Metric, table: TrialTable) -> str:
    if metric.estimator is Estimator.CONSTANT:
        return "the models' sizes are not known"
    if Source.START in metric.sources or any(rows_of(table.columns, source).any() for source in metric.sources):
        return "not available on this platform or target"
    return f"give {' or '.join(_LANES[source] for source in metric.sources)} a share of the budget"


def _fewest_replicas(metric: Metric, table: TrialTable) -> int:
    measured = np.unique(table.columns.arm)  # only the candidate if the baseline's numbers are stored
    if Source.START in metric.sources:
        return min(sum(fact.arm is ARMS[arm] for fact in table.replicas) for arm in measured)
    rows = np.any([rows_of(table.columns, source) for source in metric.sources], axis=0)
    return int(np.bincount(units_of(table.columns, rows)[0].arm, minlength=2)[measured].min())
