"""The answer, from all turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, expm1, inf, isfinite, log1p, nan

from perfgate.capacity.answer import (
    ArmCapacity,
    Bound,
    CapacityChange,
    CapacityKind,
    Limit,
    Point,
    RateStatus,
)
from perfgate.capacity.estimate import BLOCKS, Estimate, change_of, estimate, spread_of
from perfgate.capacity.limiting import Batches, limit_of
from perfgate.capacity.points import curve_of, points_of
from perfgate.capacity.search import Search, above_low_load
from perfgate.capacity.status import beside, proven_rates, status_of
from perfgate.capacity.turn import Stage, Turn
from perfgate.gate.verdict import Verdict
from perfgate.stats.spread import Spread
from perfgate.trials import Arm

LEVEL, CHANGE_LEVEL = 0.95, 0.99
_OPEN = CapacityKind.OPEN
_WIDEST = 1.4
"""Half-width, in logarithms, from which an interval says nothing: a factor of four either way."""
_FEWEST_MISSES = 5.0
"""Requests that would miss the objective at the capacity, of those near it, below which nothing is estimated."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How the answer is judged and described."""

    bounds: tuple[Bound, ...]
    alpha: float
    tolerance: float
    cores: int
    batches: Batches | None
    unloaded_ms: Mapping[Arm, float]


@dataclass(frozen=True, slots=True)
class Assembled:
    """What is known of each version, and of the change."""

    arms: tuple[ArmCapacity, ...]
    change: CapacityChange | None
    """None unless both capacities are estimated."""
    estimates: Mapping[Arm, Estimate]
    """Of the versions whose capacity is estimated."""


def capacities_of(search: Search, models: Mapping[Arm, str], judged: Judged) -> Assembled:
    """Return each arm's capacity, and the change if both are estimated."""
    found: list[ArmCapacity] = []
    estimates: dict[Arm, Estimate] = {}
    for arm, model in models.items():
        turns = [turn for turn in search.turns if turn.arm is arm]
        estimated = estimate_of(search, arm, turns, judged.bounds)
        capacity = _capacity(search, arm, model, turns, estimated, judged)
        found.append(capacity)
        if estimated is not None and capacity.kind is CapacityKind.ESTIMATED:
            estimates[arm] = estimated
    if len(estimates) < len(Arm) or search.servers == 1:
        return Assembled(tuple(found), None, estimates)
    change = change_of(estimates[Arm.BASELINE], estimates[Arm.CANDIDATE])
    return Assembled(tuple(found), judged_change(change, judged.tolerance, judged.alpha), estimates)


def estimate_of(search: Search, arm: Arm, turns: Sequence[Turn], bounds: Sequence[Bound]) -> Estimate | None:
    """Return the estimate of an arm; None if it held at every rate or at none.

    With a single server its parts of the time stand in for servers: the interval says nothing of how servers differ.
    """
    if search.bracket(arm) is None:
        return None
    start_rps = search.start_rps(arm)
    usable = [turn for turn in turns if not turn.seen.generator_bound]
    usable = above_low_load(usable, bounds, start_rps)
    if search.servers == 1:
        usable = [replace(turn, pair=row * BLOCKS // len(usable)) for row, turn in enumerate(usable)]
    if len({turn.pair for turn in usable}) < 2:
        return None
    return estimate(usable, bounds, search.queues, start_rps)


def judged_change(change: Spread, tolerance: float, alpha: float) -> CapacityChange:
    """Decide a change: fail if the decline is beyond the tolerance at level alpha, pass if it is within it."""
    lower, upper = change.ends(CHANGE_LEVEL)
    least, most = change.ends(1 - 2 * alpha)
    limit = -log1p(tolerance)  # a decline, on the scale of logarithms
    verdict = Verdict.FAIL if most < limit else Verdict.PASS if least >= limit else Verdict.INCONCLUSIVE
    return CapacityChange(expm1(change.value), expm1(lower), expm1(upper), tolerance, verdict)


def _capacity(  # noqa: PLR0913, PLR0917 - everything that an arm's capacity is described from
    search: Search, arm: Arm, model: str, turns: Sequence[Turn], estimated: Estimate | None, judged: Judged
) -> ArmCapacity:
    points = points_of(turns, judged.bounds, search.tested_rps, judged.alpha)
    kind, rate, (lower, upper), bound = _known(search, arm, turns, estimated, judged)
    least = _above_low_load_rps(search, arm, turns, judged.bounds)
    tested = [turn for turn in turns if turn.stage is Stage.TEST]
    holds, breaks = proven_rates(tested, judged.bounds, judged.alpha, least)
    carried = lower if kind is CapacityKind.ESTIMATED else holds
    low = [p.rate_rps for p in points if p.status is RateStatus.BREAKS and p.rate_rps < min(least, carried)]
    near = min(points, key=lambda point: abs(point.rate_rps - rate), default=None)
    if kind is CapacityKind.ESTIMATED:
        points = beside(points, judged.bounds, (lower, upper), least)
    return ArmCapacity(
        arm=arm,
        model=model,
        kind=kind,
        rate_rps=rate,
        lower_rps=lower,
        upper_rps=upper,
        objective=judged.bounds[bound].metric if bound is not None else "",
        holds_rps=holds,
        breaks_rps=breaks,
        breaks_low_rps=max(low, default=nan),
        limit=_limit(kind, points, rate, judged),
        points=points,
        curve=curve_of(turns, bound or 0, search.tested_rps),
        cpu_ms_per_request=_cpu_ms(near),
        memory_mb=near.memory_mb if near else nan,
        unloaded_ms=judged.unloaded_ms.get(arm, nan),
    )


def _above_low_load_rps(search: Search, arm: Arm, turns: Sequence[Turn], bounds: Sequence[Bound]) -> float:
    """Return the lowest rate above those at which an objective breaks for want of load."""
    if search.bracket(arm) is None:
        return 0.0
    return min(turn.rate_rps for turn in above_low_load(turns, bounds, search.start_rps(arm)))


def _limit(kind: CapacityKind, points: Sequence[Point], rate_rps: float, judged: Judged) -> Limit:
    if kind is CapacityKind.GENERATOR:
        return Limit("generator", "the load generator cannot send faster")
    if kind is CapacityKind.ABOVE:
        return Limit("unknown", "no limit was reached")
    return limit_of(points, rate_rps, judged.cores, judged.batches)


def _cpu_ms(point: Point | None) -> float:
    if point is None or not point.achieved_rps:
        return nan
    return 1e3 * point.cpu_cores / point.achieved_rps


def _known(
    search: Search, arm: Arm, turns: Sequence[Turn], estimated: Estimate | None, judged: Judged
) -> tuple[CapacityKind, float, tuple[float, float], int | None]:
    """Return the kind, the rate, its interval and the number of the decisive objective."""
    if not turns:
        return _OPEN, nan, (0.0, inf), None
    if estimated is None or search.nothing_holds(arm):
        return _without_crossing(search, arm, turns, judged)
    spread = spread_of(estimated)
    low, high = spread.ends(LEVEL)
    near = sum(turn.requests for turn in turns if abs(turn.rate_rps / exp(spread.value) - 1) < 0.2)
    thin = near * judged.bounds[estimated.bound].share < _FEWEST_MISSES
    if thin or not isfinite(spread.error) or spread.reach(LEVEL) > _WIDEST:
        return _OPEN, exp(spread.value), (0.0, inf), estimated.bound
    return CapacityKind.ESTIMATED, exp(spread.value), (exp(low), exp(high)), estimated.bound


def _without_crossing(
    search: Search, arm: Arm, turns: Sequence[Turn], judged: Judged
) -> tuple[CapacityKind, float, tuple[float, float], int | None]:
    """Return the same where the ladder has no end: above or below what was tried only if that is proven there."""
    own = [turn for turn in turns if not turn.seen.generator_bound]
    rates = [turn.rate_rps for turn in own] or [0.0]
    lowest, highest = min(rates), max(rates)
    if search.nothing_holds(arm):
        proven, worst = _status_at(lowest, own, judged) is RateStatus.BREAKS, _worst(turns, judged.bounds)
        return (CapacityKind.BELOW, lowest, (0.0, lowest), worst) if proven else (_OPEN, lowest, (0.0, inf), worst)
    if bound_rates := [turn.rate_rps for turn in turns if turn.seen.generator_bound]:
        return CapacityKind.GENERATOR, min(bound_rates), (highest, inf), None
    if search.bracket(arm) is None and _status_at(highest, own, judged) is RateStatus.HOLDS:
        return CapacityKind.ABOVE, highest, (highest, inf), None
    return _OPEN, highest, (0.0, inf), None


def _status_at(rate_rps: float, turns: Sequence[Turn], judged: Judged) -> RateStatus:
    """Test what the ladder's last rate seems to show."""
    return status_of([turn for turn in turns if turn.rate_rps == rate_rps], judged.bounds, judged.alpha)


def _worst(turns: Sequence[Turn], bounds: Sequence[Bound]) -> int:
    """Return the objective that is missed the most, at the lowest rate."""
    lowest = min(turns, key=lambda turn: turn.rate_rps)
    return max(range(len(bounds)), key=lambda k: lowest.missed[k] / bounds[k].share)
