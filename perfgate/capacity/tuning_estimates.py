"""What each of many settings showed, from few turns on two servers each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf, isfinite, log, nan, sqrt

import numpy as np
from scipy import special

from perfgate.capacity.answer import Bound, CapacityKind, TunedSettings
from perfgate.capacity.assemble import estimate_of
from perfgate.capacity.estimate import Estimate, spread_of
from perfgate.capacity.search import Search
from perfgate.capacity.tuning_candidates import Candidate
from perfgate.capacity.turn import Turn
from perfgate.stats.binomial import quantile_bounds
from perfgate.stats.clusters import tail_effect
from perfgate.trials import Arm

_LEVEL = 0.95
_WIDEST = 0.7
"""Half-width, in logarithms, from which an interval says nothing."""


@dataclass(slots=True)
class Explored:
    """Settings, and what their servers have shown so far."""

    candidate: Candidate
    search: Search | None = None
    reference: list[Turn] = field(default_factory=list)
    """Turns at the reference rate."""
    throughput_rps: float = nan
    """Mean over the servers, with many requests in flight."""
    rounds: int = 0
    problem: str = ""


def settings_of(explored: Sequence[Explored], bounds: Sequence[Bound]) -> tuple[TunedSettings, ...]:
    """Return the capacity and the p99 of all settings, with 95 % intervals."""
    estimates = {
        index: found
        for index, each in enumerate(explored)
        if not each.problem and (found := _estimate(each, bounds)) is not None
    }
    counts = {index: _count(explored[index]) for index in estimates}
    pooled = pooled_variance(estimates, counts)
    return tuple(
        _settings(each, estimates.get(index), counts.get(index, 0), pooled) for index, each in enumerate(explored)
    )


def _estimate(each: Explored, bounds: Sequence[Bound]) -> Estimate | None:
    if each.search is None:
        return None
    return estimate_of(each.search, Arm.CANDIDATE, each.search.turns, bounds)


def _count(each: Explored) -> int:
    return len(each.search.turns) if each.search else 0


def pooled_variance(estimates: Mapping[int, Estimate], counts: Mapping[int, int]) -> tuple[float, int]:
    """Return the variance of a capacity's logarithm from one turn, servers and noise together, and its freedom.

    Two servers alone would tell next to nothing of it, but all settings serve the same model on the same machine: the
    variances over servers and over time are pooled, each times its number of turns and with one degree of freedom less
    than its servers.
    """
    total, freedom = 0.0, 0
    for index, found in estimates.items():
        servers, error = found.without_pair.size, spread_of(found).error
        if servers > 1 and isfinite(error):
            total += (servers - 1) * error**2 * counts[index]
            freedom += servers - 1
    return (total / freedom if freedom else inf), freedom


def _settings(each: Explored, found: Estimate | None, count: int, pooled: tuple[float, int]) -> TunedSettings:
    size, wait, threads, intra, inter = each.candidate.knobs
    plain = TunedSettings(each.candidate.name, size, wait, threads, intra, inter, each.rounds, each.problem)
    if each.problem:
        return replace(plain, rounds=0)
    kind, rate, lower, upper = _capacity(each, found, count, pooled)
    p99, low, high = p99_of(each.reference)
    return replace(
        plain,
        kind=kind,
        capacity_rps=rate,
        capacity_lower_rps=lower,
        capacity_upper_rps=upper,
        p99_ms=p99,
        p99_lower_ms=low,
        p99_upper_ms=high,
        throughput_rps=each.throughput_rps,
    )


def _capacity(
    each: Explored, found: Estimate | None, count: int, pooled: tuple[float, int]
) -> tuple[CapacityKind, float, float, float]:
    """Return kind, rate and both ends of the interval."""
    if each.search is None or not each.search.turns:
        return CapacityKind.OPEN, nan, 0.0, inf
    turns = each.search.turns
    usable = [turn.rate_rps for turn in turns if not turn.seen.generator_bound]
    if each.search.nothing_holds(Arm.CANDIDATE):
        lowest = min(turn.rate_rps for turn in turns)
        return CapacityKind.BELOW, lowest, 0.0, lowest
    if found is None:
        limited = [turn.rate_rps for turn in turns if turn.seen.generator_bound]
        kind = CapacityKind.GENERATOR if limited else CapacityKind.ABOVE
        rate = min(limited) if limited else max(usable)
        return kind, rate, max(usable, default=0.0), inf
    variance, freedom = pooled
    error = sqrt(max(variance / count, found.without_turn_variance) + ((found.wide - found.log_rate) / 2) ** 2)
    reach = float(special.stdtrit(freedom, (1 + _LEVEL) / 2)) * error if freedom else inf
    rate = exp(found.log_rate)
    if not isfinite(reach) or reach > _WIDEST:
        return CapacityKind.OPEN, rate, 0.0, inf
    return CapacityKind.ESTIMATED, rate, rate * exp(-reach), rate * exp(reach)


def p99_of(turns: Sequence[Turn]) -> tuple[float, float, float]:
    """Return the 99th percentile over all turns, and its 95 % interval; requests of one turn hang together."""
    series = [turn.response_ms for turn in turns if turn.requests]
    if not series:
        return nan, 0.0, inf
    ordered = np.sort(np.concatenate(series))
    value = float(np.quantile(ordered, 0.99, method="inverted_cdf"))
    found = quantile_bounds(ordered, 0.99, (1 - _LEVEL) / 2, tail_effect(series, ordered, value))
    return found.value, max(found.lower, 0.0), found.upper


def mean_rate(rates_rps: Sequence[float]) -> float:
    """Return the geometric mean of the rates above 0; NaN without any."""
    known = [log(rate) for rate in rates_rps if rate > 0]
    return exp(sum(known) / len(known)) if known else nan
