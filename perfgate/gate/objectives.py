"""Absolute bounds of the candidate: met, missed, or undecided by this sample."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from math import ceil, exp, inf, isnan, log, nan, sqrt
from typing import NamedTuple

import numpy as np

from perfgate import formatting
from perfgate.gate.interim import NominalLevels
from perfgate.gate.remedy import MOST_TIMES, is_once_a_replica, more_servers, search_longer, times_longer
from perfgate.gate.verdict import ObjectiveVerdict, Verdict
from perfgate.metrics import Estimator, Metric
from perfgate.scenario.schema import Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.binomial import lower_share, quantile_bounds, requests_needed, upper_share
from perfgate.stats.capacities import Capacities
from perfgate.stats.clusters import LEAST_BATCH, batches, certainty, tail_effect
from perfgate.stats.contrast import half_width
from perfgate.stats.failures import failures_in
from perfgate.stats.lognormal import upper_mean
from perfgate.stats.per_trial import quantile_of, request_values
from perfgate.stats.quantile import arm_times, inverted_cdf
from perfgate.stats.summarise import rows_with_data, summary_of, times_by_replica
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm

FEWEST_REPLICAS = 4
"""Servers per arm below which the differences between servers are hardly known."""
_MOST_TIMES_REQUESTS = 1000
_NO_DATA = "include a lane that measures it"


class _Finding(NamedTuple):
    value: float
    lower: float
    upper: float
    more: str
    """What would decide, if undecided."""


def judged_objectives(objectives: Mapping[str, Objective]) -> dict[str, Objective]:
    """Return the objectives whose severity is not `off`."""
    return {name: each for name, each in objectives.items() if each.severity is not Severity.OFF}


def judge_objective(metric: Metric, objective: Objective, table: TrialTable, levels: NominalLevels) -> ObjectiveVerdict:
    """Decide one objective; a failure must hold at the stricter of the two levels."""
    is_maximum = objective.max is not None
    bound = float(next(end for end in (objective.max, objective.min) if end is not None))
    finding = _finding(metric, bound, table, levels.passing)
    verdict = _verdict(finding, bound, is_maximum=is_maximum)
    if verdict is Verdict.FAIL and levels.failing < levels.passing:
        finding = _finding(metric, bound, table, levels.failing)
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


def candidate_interval(metric: Metric, table: TrialTable, alpha: float) -> tuple[float, float, float] | None:
    """Return the candidate's value in the metric's unit, with one-sided bounds at level alpha; None without data.

    By the tests that judge an objective, as if the value itself were the bound.
    """
    summary = summary_of(metric, Arm.CANDIDATE, table)
    if summary is None or summary.value is None:
        return None
    found = _finding(metric, summary.value, table, alpha)
    return found.value, found.lower, found.upper


def _verdict(finding: _Finding, bound: float, *, is_maximum: bool) -> Verdict:
    sign = 1 if is_maximum else -1
    best, worst = sorted((sign * finding.lower, sign * finding.upper))
    if worst <= sign * bound:
        return Verdict.PASS
    return Verdict.FAIL if best > sign * bound else Verdict.INCONCLUSIVE


def _reason(metric: Metric, finding: _Finding, verdict: Verdict, bound: float, *, is_maximum: bool) -> str:
    if isnan(finding.value):
        return "no usable data for the candidate"
    relation = {
        Verdict.PASS: "at most" if is_maximum else "at least",
        Verdict.FAIL: "above" if is_maximum else "below",
    }.get(verdict, "not clearly on either side of")
    return f"{formatting.quantity(finding.value, metric.name)} is {relation} {formatting.bound(bound, metric.name)}"


def _finding(metric: Metric, bound: float, table: TrialTable, alpha: float) -> _Finding:
    if quantile := quantile_of(metric.statistic):
        return _percentile(metric, quantile, bound, table, alpha)
    if metric.estimator is Estimator.PROPORTION:
        return _share(metric, bound, table, alpha)
    if metric.estimator is Estimator.CAPACITY:
        return _capacity(bound, table.capacities, alpha)
    return _mean(metric, bound, table, alpha)


def _percentile(metric: Metric, quantile: tuple[str, float], bound: float, table: TrialTable, alpha: float) -> _Finding:
    """Bound the share of requests above the objective exactly, for the effective number of independent requests."""
    if (found := rows_with_data(metric, Arm.CANDIDATE, table.columns)) is None:
        return _Finding(nan, -inf, inf, _NO_DATA)
    kind, level = quantile
    pooled = arm_times(table.columns, found[0], kind, Arm.CANDIDATE)
    replicas = times_by_replica(table.columns, found[0], kind, Arm.CANDIDATE)
    alone = len(replicas) == 1
    series = batches(table.columns, found[1], request_values(table.columns, kind)) if alone else replicas
    if len(series) < 2:
        return _Finding(inverted_cdf(pooled, level), -inf, inf, f"needs at least {2 * LEAST_BATCH} requests")
    effect = tail_effect(series, pooled, bound) / certainty(len(series), alpha)
    bounds = quantile_bounds(pooled, level, alpha, effect)
    above = float(np.count_nonzero(pooled > bound))
    more = _more_requests(above, pooled.size, 1 - level, alpha, effect)
    return _Finding(bounds.value, bounds.lower, bounds.upper, more if alone else _more_servers(len(series)) or more)


def _more_servers(replicas: int) -> str:
    if replicas >= FEWEST_REPLICAS:
        return ""
    return (
        f"{replicas} servers are too few to show how servers differ: use {2 * FEWEST_REPLICAS} under load "
        "(load.replicas)"
    )


def _share(metric: Metric, bound: float, table: TrialTable, alpha: float) -> _Finding:
    if (found := rows_with_data(metric, Arm.CANDIDATE, table.columns)) is None:
        return _Finding(nan, -inf, inf, _NO_DATA)
    seen = failures_in(table.columns, found[1])
    effect = seen.effect / (certainty(seen.batches, alpha) or nan)
    if isnan(effect):
        return _Finding(seen.share, -inf, inf, f"needs at least {2 * LEAST_BATCH} requests")
    hits, count = seen.failed / effect, seen.requests / effect
    return _Finding(
        seen.share,
        lower_share(hits, count, alpha),
        upper_share(hits, count, alpha),
        _more_requests(seen.failed, seen.requests, bound, alpha, effect),
    )


def _more_requests(hits: float, count: float, share: float, alpha: float, effect: float) -> str:
    """Return how many requests would decide if the share of hits stayed the same."""
    if not 0 < share < 1:
        return "no number of requests proves a rate of 0: set the rate that you accept"
    if hits == 0:
        need = ceil(requests_needed(1 - share, alpha) * effect)
    else:
        more = range(int(count), int(_MOST_TIMES_REQUESTS * count))
        need = int(count) + bisect_left(more, x=True, key=lambda n: _settled(hits / count, n / effect, share, alpha))
    if need >= _MOST_TIMES_REQUESTS * count:
        return "too close to the bound for any practical number of requests"
    return f"needs about {need - int(count):,} more requests, {need:,} in total"


def _settled(rate: float, count: float, share: float, alpha: float) -> bool:
    if rate > share:
        return lower_share(rate * count, count, alpha) > share
    return upper_share(rate * count, count, alpha) <= share


def _mean(metric: Metric, bound: float, table: TrialTable, alpha: float) -> _Finding:
    """Bound the mean of the replicas' values: below by Student's t, above by a bound for skewed values."""
    summary = summary_of(metric, Arm.CANDIDATE, table)
    if summary is None:
        return _Finding(nan, -inf, inf, _NO_DATA)
    values = np.array(summary.replicas)
    if metric.estimator is Estimator.CONSTANT:
        return _Finding(values[0], values[0], values[0], "")
    if values.size < 2:
        return _Finding(float(values.mean()), -inf, inf, "needs at least two replicas")
    mean, se = float(values.mean()), float(values.std(ddof=1)) / sqrt(values.size)
    half = half_width(se, values.size - 1, alpha)
    upper = max(mean + half, upper_mean(values, alpha)) if values.min() > 0 else mean + half
    more = _more_evidence(metric, upper - mean if mean <= bound else half, abs(mean - bound), values.size, alpha)
    return _Finding(mean, mean - half, upper, more)


def _capacity(bound: float, found: Capacities | None, alpha: float) -> _Finding:
    """Bound the capacity by Student's t on the scale of logarithms."""
    known = None if found is None else found.arms.get(Arm.CANDIDATE)
    if known is None:
        why = "" if found is None else found.unknown.get(Arm.CANDIDATE, "")
        return _Finding(nan, -inf, inf, why or "give the search for it time (budget.capacity_s)")
    spread = known.spread
    lower, upper = spread.ends(1 - 2 * alpha)
    distance = abs(spread.value - log(bound)) if bound > 0 else inf
    times = (spread.reach(1 - 2 * alpha) / distance) ** 2 if distance else inf
    return _Finding(exp(spread.value), exp(lower), exp(upper), search_longer(times, "bound"))


def _more_evidence(metric: Metric, half: float, distance: float, replicas: int, alpha: float) -> str:
    times = (half / distance) ** 2 if distance else inf
    if is_once_a_replica(metric):
        more = more_servers(replicas, half, distance, (replicas - 1.0, alpha), arms=1)
        return more or "too close to the bound for any practical number of servers"
    return times_longer(times) if times <= MOST_TIMES else "too close to the bound for any practical measuring time"
