"""One arm's turns, by rate: what the curve, the table and the tests show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import exp, log, nan

import numpy as np
from scipy import special

from perfgate.capacity.answer import Bound, CurvePoint, Point
from perfgate.capacity.status import status_of
from perfgate.capacity.turn import Floats, Stage, Turn
from perfgate.stats.binomial import requests_needed

_STEP = 0.04
"""Turns of the sweep and the search whose rates differ by less than 4 % are shown together."""


def by_rate(turns: Iterable[Turn], tested_rps: Sequence[float]) -> list[list[Turn]]:
    """Group turns by rate, ascending: the tested rates as they are, others in steps of 4 %."""

    def place(turn: Turn) -> tuple[float, bool]:
        tested = turn.stage is Stage.TEST and turn.rate_rps in tested_rps
        return (log(turn.rate_rps) if tested else round(log(turn.rate_rps) / _STEP) * _STEP, tested)

    groups = [list(group) for _, group in groupby(sorted(turns, key=place), place)]
    return sorted(groups, key=_mean_log_rate)


def _mean_log_rate(turns: Sequence[Turn]) -> float:
    return float(np.mean([log(turn.rate_rps) for turn in turns]))


def points_of(
    turns: Sequence[Turn], bounds: Sequence[Bound], tested_rps: Sequence[float], alpha: float
) -> tuple[Point, ...]:
    """Return what one arm showed at each rate."""
    return tuple(_point(group, bounds, alpha) for group in by_rate(turns, tested_rps) if _requests(group))


def _requests(turns: Sequence[Turn]) -> int:
    return sum(turn.requests for turn in turns)


def _point(turns: Sequence[Turn], bounds: Sequence[Bound], alpha: float) -> Point:
    responses_ms = np.concatenate([turn.response_ms for turn in turns])
    p50, p90, p99 = np.quantile(responses_ms, (0.5, 0.9, 0.99), method="inverted_cdf").tolist()
    requests, mean_s = responses_ms.size, float(responses_ms.mean()) / 1e3
    in_flight, achieved = _mean(t.in_flight for t in turns), _mean(t.achieved_rps for t in turns)
    seen = [turn.seen for turn in turns]
    return Point(
        rate_rps=exp(_mean_log_rate(turns)),
        turns=len(turns),
        requests=requests,
        status=status_of(turns, bounds, alpha),
        missed={b.metric: sum(t.missed[k] for t in turns) / requests for k, b in enumerate(bounds)},
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99 if requests >= requests_needed(0.99, 0.5) else nan,
        achieved_rps=achieved,
        cpu_cores=_mean(each.cpu_cores for each in seen),
        memory_mb=max((each.memory_mb for each in seen if each.memory_mb == each.memory_mb), default=nan),
        batch_size=_mean(each.batch_size for each in seen),
        queue_share=_mean(each.queue_share for each in seen),
        in_flight=in_flight,
        growth=_mean(turn.growth for turn in turns),
        generator_cores=_mean(each.generator_cores for each in seen),
        send_lag_ms=_mean(each.send_lag_ms for each in seen),
        little=in_flight / (achieved * mean_s) if achieved * mean_s > 0 else nan,
    )


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if value == value]  # noqa: PLR0124 - not NaN
    return sum(known) / len(known) if known else nan


def curve_of(turns: Sequence[Turn], bound: int, tested_rps: Sequence[float]) -> tuple[CurvePoint, ...]:
    """Return the share of requests that miss one bound, by rate, with the jackknife's 95 % interval over servers.

    Centred isotonic regression (Oron & Flournoy, Statistics in Biopharmaceutical Research 9, 2017, 258).
    """
    groups = [group for group in by_rate(turns, tested_rps) if _requests(group)]
    if len(groups) < 2:
        return ()
    rates = np.array([_mean_log_rate(group) for group in groups])
    whole = _monotone(groups, rates, bound, -1)
    pairs = sorted({turn.pair for turn in turns})
    without = np.array([_monotone(groups, rates, bound, pair) for pair in pairs])
    count = len(pairs)
    if count > 1:
        error = np.sqrt((count - 1) / count * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    else:
        error = np.full(rates.size, np.nan)
    reach = float(special.stdtrit(max(count - 1, 1), 0.975)) * error
    return tuple(
        CurvePoint(exp(rate), share, max(0.0, share - half), min(1.0, share + half))
        for rate, share, half in zip(rates.tolist(), whole.tolist(), reach.tolist(), strict=True)
    )


def _monotone(groups: Sequence[Sequence[Turn]], rates: Floats, bound: int, left_out: int) -> Floats:
    kept = [[turn for turn in group if turn.pair != left_out] for group in groups]
    counts = np.array([_requests(group) for group in kept], np.float64)
    missed = np.array([sum(turn.missed[bound] for turn in group) for group in kept], np.float64)
    use = counts > 0
    if not use.any():
        return np.full(rates.size, np.nan)
    at, shares = centred_isotonic(rates[use], missed[use] / counts[use], counts[use])
    return np.interp(rates, at, shares)


def centred_isotonic(places: Floats, values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return ascending places and values; each flat stretch of the isotonic regression becomes its weighted centre."""
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 - takes a while to import

    fitted = isotonic_regression(values, weights=weights).x
    found = list(_centres(places, fitted, weights))
    return np.array([place for place, _ in found]), np.array([value for _, value in found])


def _centres(places: Floats, fitted: Floats, weights: Floats) -> Iterator[tuple[float, float]]:
    for value in np.unique(fitted).tolist():
        flat = fitted == value
        yield float(np.average(places[flat], weights=weights[flat])), value
