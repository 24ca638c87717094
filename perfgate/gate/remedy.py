"""The smallest regression that a measurement could detect, and what would decide an inconclusive one."""

from __future__ import annotations

from math import ceil, comb, inf, isfinite, sqrt

from scipy import special

from perfgate.formatting import about_times
from perfgate.gate.case import LEAST_LEVEL, Case
from perfgate.metrics import Estimator, Metric, Source
from perfgate.stats.contrast import half_width
from perfgate.stats.proportion import Counts

POWER = 0.8
MOST_TIMES = 20
"""The largest multiple of the measuring time that is advised."""
MOST_REPLICAS = 64
"""Per arm; the most that a budget allows."""
USUAL_SERVERS = 12
"""Per arm, unless set (`Budget.replicas`)."""
_TOO_NEAR = "too close to the tolerance for any practical"


def minimum_detectable_effect(case: Case, alpha: float) -> float:
    """Return the smallest true regression that fails with 80 % power: a share, or an amount in the metric's unit.

    On the metric's scale tolerance + (t[1 - alpha] + t[0.8]) x standard error: the usual approximation to the
    non-central t (Chow, Shao & Wang, Sample Size Calculations in Clinical Research, 2008, section 3.2). A lane that
    ended early would have continued, so the level is that of all looks. Exact for counts.
    """
    if case.effect.counts is not None:
        return case.effect.counts.detectable(case.tolerance.log, alpha, POWER)
    distance = sum(half_width(case.effect.log_se, case.effect.df, level) for level in (alpha, 1 - POWER))
    return case.metric.scale.change_of(min(case.tolerance.log + distance, 700.0))


def what_would_decide(case: Case, alpha: float) -> str:
    """Return what would decide at this level and the same estimate: more requests, replicas or time."""
    if case.effect.counts is not None:
        return _more_requests(case.effect.counts, case.tolerance.log, case.history.level(alpha))
    if not case.effect.log_se:
        enough = next(count for count in range(2, MOST_REPLICAS) if 1 / comb(2 * count, count) <= alpha)
        return (
            f"all servers have the same value, which is weak evidence with few servers: use at least {enough} per arm "
            "(--replicas)"
        )
    return _time_or_servers(case, alpha)


def _time_or_servers(case: Case, alpha: float) -> str:
    times = (case.half(alpha) / case.beyond) ** 2 if case.beyond else inf
    if case.metric.estimator is Estimator.CAPACITY:
        return search_longer(times, "tolerance")
    times, by_time = longer_by(case, times), not is_once_a_replica(case.metric)
    if by_time and times <= MOST_TIMES:
        return times_longer(times, case.measure_s)
    few = min(len(case.effect.baseline_replicas), len(case.effect.candidate_replicas))
    t = case.effect.df, case.history.level(alpha)
    if more := more_servers(few, case.half(alpha), abs(case.beyond), t):
        return more
    if few < USUAL_SERVERS and case.half(alpha) > case.tolerance.log:
        return f"{few} servers per arm are too few: use {USUAL_SERVERS} (--replicas)"
    if by_time and isfinite(times):
        return f"{_TOO_NEAR} measuring time: change the tolerance or use more replicas"
    return f"{_TOO_NEAR} number of servers: change the tolerance"


def longer_by(case: Case, times: float) -> float:
    """Return how many times longer to measure for a variance so many times smaller; infinite if time is not enough.

    More time does not reduce the differences between processes of one model.
    """
    variance = case.effect.log_se**2
    lasting = case.effect.lasting_se**2 if isfinite(case.effect.lasting_se) else 0.0
    left = variance / times - lasting
    return (variance - lasting) / left if left > 0 else inf


def is_once_a_replica(metric: Metric) -> bool:
    """Return whether more time does not help because each server has one value, such as its load time or its peak."""
    return Source.START in metric.sources or metric.estimator is Estimator.REPLICA_VALUE


def more_servers(servers: int, half: float, distance: float, t: tuple[float, float], arms: int = 2) -> str:
    """Advise the servers per arm that reduce a half-width to a distance; empty if a budget does not allow as many.

    `t`: degrees of freedom and level of the half-width. The standard error falls with the square root of the number of
    servers, and Student's t with the degree of freedom that each adds: with two per arm, t is most of the width.
    """
    df, level = t[0], max(t[1], LEAST_LEVEL)
    for more in range(servers + 1, MOST_REPLICAS + 1):
        then, now = special.stdtrit((df + arms * (more - servers), df), level)
        if half * sqrt(servers / more) * then / now <= distance:
            return f"needs about {more} servers per arm instead of {servers} (--replicas)"
    return ""


def times_longer(times: float, measure_s: float = inf) -> str:
    """Format a factor on the measuring time, rounded up, with the resulting budget if the time is known."""
    budget = f" (--budget {ceil(times * measure_s)}s)" if isfinite(measure_s) else ""
    return f"{about_times(times)} the measuring time{budget}"


def search_longer(times: float, limit: str) -> str:
    """Format a factor on the time of the search for a capacity; `limit`: what it is close to."""
    if times <= MOST_TIMES:
        return f"{about_times(times)} the time of its search (budget.capacity_s)"
    return f"too close to the {limit} for any practical time of its search"


def _more_requests(counts: Counts, limit: float, level: float) -> str:
    has = counts.requests_each * min(counts.baseline_requests, counts.candidate_requests)
    need = counts.requests_to_decide(limit, level)
    if need is None:
        return f"{_TOO_NEAR} number of requests: change the tolerance"
    return f"needs about {need - int(has):,} more requests per arm, {need:,} in total"
