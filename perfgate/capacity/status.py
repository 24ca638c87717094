"""Whether objectives hold at one rate: exact tests over turns and servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np

from perfgate.capacity.answer import Bound, Point, RateStatus
from perfgate.capacity.turn import Floats, Turn
from perfgate.stats.binomial import design_effect, lower_share, upper_share
from perfgate.stats.clusters import certainty

_OTHER_SHARES = (0.5, 0.75, 0.9)
"""Percentiles whose exceedances show how requests of a turn hang together, if few miss the bound itself."""
_FEWEST_TURNS = 3
_NEAR = 1.06
"""Turns up to 6 % away are evidence for a rate, on the side where it is the stronger one."""


def status_of(turns: Sequence[Turn], bounds: Sequence[Bound], alpha: float) -> RateStatus:
    """Test all bounds on one arm's turns at one rate, which their own outcome must not have chosen.

    It holds if each share is below its limit at level alpha (an intersection-union test), and breaks if one is above
    at level alpha over their number. Requests of one turn, and of one server, are not independent: the counts are
    divided by the larger design effect, as for the gate's objectives (Korn & Graubard, Survey Methodology 24, 1998,
    193).
    """
    if len(turns) < _FEWEST_TURNS:
        return RateStatus.OPEN
    below = [_upper(turns, index, alpha) <= bound.share for index, bound in enumerate(bounds)]
    above = [_lower(turns, index, alpha / len(bounds)) > bound.share for index, bound in enumerate(bounds)]
    return RateStatus.BREAKS if any(above) else RateStatus.HOLDS if all(below) else RateStatus.OPEN


def proven_rates(turns: Sequence[Turn], bounds: Sequence[Bound], alpha: float, least_rps: float) -> tuple[float, float]:
    """Return the highest rate that is proven to hold and the lowest that is proven to break; NaN if there is none.

    `turns`: those at rates fixed beforehand. The share that misses never falls with the rate, above `least_rps`: so
    turns at rates up to 6 % higher are evidence that a rate holds, and those at lower ones that it breaks. Rates are
    tested in a fixed order, from the lowest up and from the highest down, until one is not proven, and so at level
    alpha all together (Maurer, Hothorn & Lehmacher, Biometrie in der chemisch-pharmazeutischen Industrie 6, 1995, 3).
    """
    used = [turn for turn in turns if turn.rate_rps >= least_rps and not turn.seen.generator_bound]
    rates = sorted({turn.rate_rps for turn in used})

    def proven(order: Sequence[float], low: float, high: float, wanted: RateStatus) -> float:
        found = nan
        for rate_rps in order:
            near = [turn for turn in used if low * rate_rps <= turn.rate_rps <= high * rate_rps]
            if status_of(near, bounds, alpha) is not wanted:
                break
            found = rate_rps
        return found

    return proven(rates, 1.0, _NEAR, RateStatus.HOLDS), proven(rates[::-1], 1 / _NEAR, 1.0, RateStatus.BREAKS)


def beside(
    points: Sequence[Point], bounds: Sequence[Bound], interval_rps: tuple[float, float], least_rps: float
) -> tuple[Point, ...]:
    """Say of rates that no test decides: what is below the capacity's interval holds, and above it breaks.

    Only where the rate's own turns agree, and not below `least_rps`, where an objective may break for want of load.
    """

    def status(point: Point) -> RateStatus:
        missed = any(point.missed[bound.metric] > bound.share for bound in bounds)
        if point.status is not RateStatus.OPEN:
            return point.status
        if missed and point.rate_rps > interval_rps[1]:
            return RateStatus.BREAKS
        return RateStatus.HOLDS if not missed and least_rps <= point.rate_rps < interval_rps[0] else RateStatus.OPEN

    return tuple(replace(point, status=status(point)) for point in points)


def _upper(turns: Sequence[Turn], bound: int, alpha: float) -> float:
    hits, count = _effective(turns, bound, alpha)
    return upper_share(hits, count, alpha)


def _lower(turns: Sequence[Turn], bound: int, alpha: float) -> float:
    hits, count = _effective(turns, bound, alpha)
    return lower_share(hits, count, alpha)


def _effective(turns: Sequence[Turn], bound: int, alpha: float) -> tuple[float, float]:
    """Return misses and requests as if they were independent."""
    missed = np.array([turn.missed[bound] for turn in turns], np.float64)
    counts = np.array([turn.requests for turn in turns], np.float64)
    by_turn, by_server = _clusters(turns, missed, counts), _clusters(turns, missed, counts, by_server=True)
    effect = max(design_effect(*by_turn), design_effect(*by_server), _other_effects(turns, counts))
    clusters = by_server[0].size if by_server[0].size > 1 else by_turn[0].size
    sure = certainty(clusters, alpha)
    return missed.sum() / effect * sure, counts.sum() / effect * sure


def _other_effects(turns: Sequence[Turn], counts: Floats) -> float:
    """Return the largest design effect of the shares above other percentiles."""
    responses = np.concatenate([turn.response_ms for turn in turns])
    if responses.size < 2:
        return 1.0
    limits = np.quantile(responses, _OTHER_SHARES, method="inverted_cdf").tolist()
    above = [np.array([np.count_nonzero(turn.response_ms > limit) for turn in turns], np.float64) for limit in limits]
    return max(design_effect(each, counts) for each in above)


def _clusters(
    turns: Sequence[Turn], missed: Floats, counts: Floats, *, by_server: bool = False
) -> tuple[Floats, Floats]:
    if not by_server:
        return missed, counts
    sums: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for turn, hits, count in zip(turns, missed.tolist(), counts.tolist(), strict=True):
        sums[turn.pair][0] += hits
        sums[turn.pair][1] += count
    both = np.array(list(sums.values()))
    return both[:, 0], both[:, 1]
