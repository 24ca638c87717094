"""Absolute bounds of the candidate: held, broken, or not decided by this sample."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from math import ceil, inf, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np

from perfgate.gate.remedy import MOST_TIMES, is_once_a_replica, more_replicas, times_longer
from perfgate.gate.verdict import ObjectiveVerdict, Verdict
from perfgate.gate.wording import amount
from perfgate.metrics import Estimator, Metric
from perfgate.scenario.schema import Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.binomial import design_effect, lower_share, quantile_bounds, requests_needed, upper_share
from perfgate.stats.contrast import half_width
from perfgate.stats.quantile import arm_times
from perfgate.stats.summarise import failures_by_replica, rows_with_data, summary_of, times_by_replica
from perfgate.stats.table import TrialTable
from perfgate.stats.values import quantile_of
from perfgate.trials import Arm

_MOST_TIMES_REQUESTS = 1000
_NO_DATA = "run a lane that measures it"


class _Finding(NamedTuple):
    value: float
    lower: float
    upper: float
    more: str
    """What would decide, if it is undecided."""


def judged(objectives: Mapping[str, Objective]) -> dict[str, Objective]:
    """Leave out those whose severity is `off`."""
    return {name: each for name, each in objectives.items() if each.severity is not Severity.OFF}


def judge_objective(metric: Metric, objective: Objective, table: TrialTable, alpha: float) -> ObjectiveVerdict:
    """Decide one objective, each bound at one-sided level alpha."""
    is_maximum = objective.max is not None
    bound = float(next(end for end in (objective.max, objective.min) if end is not None))
    finding = _finding(metric, bound, table, alpha)
    verdict = _verdict(finding, bound, is_maximum=is_maximum)
    return ObjectiveVerdict(
        metric=metric.name,
        verdict=verdict,
        bound=bound,
        is_maximum=is_maximum,
        value=finding.value,
        lower=finding.lower,
        upper=finding.upper,
        reason=_reason(metric, finding, verdict, bound, is_maximum=is_maximum),
        more=finding.more if verdict is Verdict.INCONCLUSIVE else "",
        severity=objective.severity,
    )


def _verdict(finding: _Finding, bound: float, *, is_maximum: bool) -> Verdict:
    sign = 1 if is_maximum else -1
    best, worst = sorted((sign * finding.lower, sign * finding.upper))
    if worst <= sign * bound:
        return Verdict.PASS
    return Verdict.FAIL if best > sign * bound else Verdict.INCONCLUSIVE


def _reason(metric: Metric, finding: _Finding, verdict: Verdict, bound: float, *, is_maximum: bool) -> str:
    if isnan(finding.value):
        return "no usable data of the candidate"
    relation = {
        Verdict.PASS: "at most" if is_maximum else "at least",
        Verdict.FAIL: "above" if is_maximum else "below",
    }.get(verdict, "not clearly on either side of")
    return f"{amount(finding.value, metric.unit)} is {relation} {amount(bound, metric.unit)}"


def _finding(metric: Metric, bound: float, table: TrialTable, alpha: float) -> _Finding:
    if quantile := quantile_of(metric.statistic):
        return _percentile(metric, quantile, bound, table, alpha)
    if metric.estimator is Estimator.PROPORTION:
        return _share(metric, bound, table, alpha)
    return _mean(metric, bound, table, alpha)


def _percentile(metric: Metric, quantile: tuple[str, float], bound: float, table: TrialTable, alpha: float) -> _Finding:
    """Bound the share of requests above the objective; exact, after shrinking by the replicas' design effect."""
    if (found := rows_with_data(metric, Arm.CANDIDATE, table.columns)) is None:
        return _Finding(nan, -inf, inf, _NO_DATA)
    kind, level = quantile
    series = times_by_replica(table.columns, found[0], kind, Arm.CANDIDATE)
    above = np.array([values.size - np.searchsorted(values, bound, side="right") for values in series], np.float64)
    counts = np.array([values.size for values in series], np.float64)
    effect = design_effect(above, counts)
    pooled = arm_times(table.columns, found[0], kind, Arm.CANDIDATE)
    bounds = quantile_bounds(pooled, level, alpha, effect)
    more = _more_requests(above.sum(), counts.sum(), 1 - level, alpha, effect)
    return _Finding(bounds.value, bounds.lower, bounds.upper, more)


def _share(metric: Metric, bound: float, table: TrialTable, alpha: float) -> _Finding:
    if (found := rows_with_data(metric, Arm.CANDIDATE, table.columns)) is None:
        return _Finding(nan, -inf, inf, _NO_DATA)
    failed, requests = failures_by_replica(table.columns, found[1])
    effect = design_effect(failed, requests)
    hits, count = failed.sum() / effect, requests.sum() / effect
    return _Finding(
        float(hits / count),
        lower_share(hits, count, alpha),
        upper_share(hits, count, alpha),
        _more_requests(failed.sum(), requests.sum(), bound, alpha, effect),
    )


def _more_requests(hits: float, count: float, share: float, alpha: float, effect: float) -> str:
    """Say how many requests would decide if the share of hits stayed as it is."""
    if not 0 < share < 1:
        return "no number of requests proves a rate of 0: give the rate that you accept"
    if hits == 0:
        need = ceil(requests_needed(1 - share, alpha) * effect)
    else:
        more = range(int(count), int(_MOST_TIMES_REQUESTS * count))
        need = int(count) + bisect_left(more, x=True, key=lambda n: _settled(hits / count, n / effect, share, alpha))
    if need >= _MOST_TIMES_REQUESTS * count:
        return "too near the bound for any practical number of requests"
    return f"needs about {need - int(count):,} more requests, {need:,} in all"


def _settled(rate: float, count: float, share: float, alpha: float) -> bool:
    if rate > share:
        return lower_share(rate * count, count, alpha) > share
    return upper_share(rate * count, count, alpha) <= share


def _mean(metric: Metric, bound: float, table: TrialTable, alpha: float) -> _Finding:
    """Student's t over the replicas' values, in the metric's unit."""
    summary = summary_of(metric, Arm.CANDIDATE, table)
    if summary is None:
        return _Finding(nan, -inf, inf, _NO_DATA)
    values = np.array(summary.replicas)
    if metric.estimator is Estimator.CONSTANT:
        return _Finding(values[0], values[0], values[0], "")
    if values.size < 2:
        return _Finding(float(values.mean()), -inf, inf, "two replicas at least")
    mean, se = float(values.mean()), float(values.std(ddof=1)) / sqrt(values.size)
    half = half_width(se, values.size - 1, alpha)
    more = _more_evidence(metric, half, abs(mean - bound), values.size)
    return _Finding(mean, mean - half, mean + half, more)


def _more_evidence(metric: Metric, half: float, distance: float, replicas: int) -> str:
    times = (half / distance) ** 2 if distance else inf
    if is_once_a_replica(metric):
        return more_replicas(replicas, times) or "too near the bound for any practical number of servers"
    return times_longer(times) if times <= MOST_TIMES else "too near the bound for any practical measuring time"
