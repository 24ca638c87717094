"""The capacity of an arm, and its change, with intervals over servers and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, log, sqrt

import numpy as np

from perfgate.capacity.answer import Bound
from perfgate.capacity.crossing import (
    Crossing,
    Rows,
    Series,
    both_sides,
    coefficient,
    controlled,
    dispersion,
    fit,
    nearness,
    reach_of,
    start_at,
    within,
)
from perfgate.capacity.reference_queue import RATE_STEP, ReferenceQueue
from perfgate.capacity.turn import Floats, Turn
from perfgate.stats.spread import Spread

BLOCKS = 5
"""Parts of the measurement, in order of time, that show how much the machine changed between them."""
_ROUNDS = 6
_CLOSE = 5e-4
_UNSEEN = 1.25
"""Allowance on the variance that the dispersion lets expect: crowded turns are rare, and some have not occurred."""
_CALM = 10.0
"""Least dispersion while searching: a few turns must not make the slope steep."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """The logarithm of a capacity, and what it would be without one server, or without one part of the time."""

    log_rate: float
    slope: float
    bound: int
    """Number of the objective that breaks first."""
    without_pair: Floats
    without_block: Floats
    without_turn_variance: float
    """Variance if all turns were independent."""
    wide: float
    """The same with turns from twice as far: how much the shape of the curve matters."""
    expected_variance: float = 0.0
    """Variance if the dispersion were the same at all rates, by the curvature of the likelihood."""
    table_error: float = 0.0
    """Standard error that comes with the reference queue's simulated table."""


def series_of(turns: Sequence[Turn], bound: int) -> Series:
    """Return one arm's turns as arrays; what the load generator was too slow for counts as no requests."""
    own = np.array([not turn.seen.generator_bound for turn in turns], np.float64)
    return Series(
        np.array([log(turn.rate_rps) for turn in turns]),
        np.array([turn.missed[bound] for turn in turns], np.float64) * own,
        np.array([turn.requests for turn in turns], np.float64) * own,
        np.ones(own.size),
        np.zeros(own.size),
    )


def crossing_of(  # noqa: PLR0913 - what a fit needs
    turns: Sequence[Turn],
    bound: int,
    allowed: float,
    queue: ReferenceQueue | None,
    start_rps: float,
    *,
    reach: float | None = None,
    factor: float = 1.0,
    final: bool = False,
) -> tuple[Crossing, Series]:
    """Fit one arm's curve near its crossing, with the arrivals' luck removed; returns the turns as used too.

    `reach`: how far from the crossing turns count, else by the slope, times `factor`. `final`: with the dispersion as
    it is, instead of at least 10.
    """
    series, line = series_of(turns, bound), start_at(start_rps)
    for _ in range(3):
        line = within(fit(series, allowed, line), series)
        series = replace(series, weight=nearness(series.log_rate, line.log_rate, reach or 0.3))
        line = replace(line, dispersion=max(dispersion(series, allowed, line), _CALM))
    least = 1.0 if final else _CALM
    for _ in range(_ROUNDS if queue else 2):
        before = line.log_rate
        series = replace(series, control=_controls(turns, series, allowed, queue, line)) if queue else series
        for _ in range(2):
            adjusted = controlled(series, allowed, line)
            line = within(fit(adjusted, allowed, line), series)
            far = reach or factor * max(reach_of(line.slope), both_sides(series, line.log_rate, allowed))
            series = replace(series, weight=nearness(series.log_rate, line.log_rate, far))
            adjusted = replace(adjusted, weight=series.weight)
            line = replace(line, dispersion=max(dispersion(adjusted, allowed, line), least))
        if abs(line.log_rate - before) < _CLOSE:
            break
    return line, series


def _controls(turns: Sequence[Turn], series: Series, allowed: float, queue: ReferenceQueue, line: Crossing) -> Floats:
    """Return what the arrivals of each turn contributed to the reference queue with the same capacity."""
    service_s = queue.service_s(line.log_rate, allowed)
    found = np.zeros(len(turns))
    for row in np.flatnonzero((series.weight > 0) & (series.requests > 0)).tolist():
        expected = turns[row].requests * queue.share(float(series.log_rate[row]), service_s)
        found[row] = queue.missed(turns[row].instants_s, service_s) - expected
    return found


def estimate(
    turns: Sequence[Turn], bounds: Sequence[Bound], queues: Mapping[int, ReferenceQueue], start_rps: float
) -> Estimate:
    """Estimate one arm's capacity: the crossing of the objective that breaks first."""
    fits = [
        crossing_of(turns, index, bound.share, queues.get(index), start_rps, final=True)
        for index, bound in enumerate(bounds)
    ]
    first = min(range(len(bounds)), key=lambda index: fits[index][0].log_rate)
    rows = np.arange(len(turns))
    pair = np.array([turn.pair for turn in turns])
    block = rows * BLOCKS // max(len(turns), 1)

    def without(ids: Rows) -> Floats:
        counted = (fits[first][1].weight > 0) & (fits[first][1].requests > 0)
        left = [np.flatnonzero(ids != each) for each in np.unique(ids[counted])]
        return np.array(
            [min(_refit(series, bounds[k].share, line, keep) for k, (line, series) in enumerate(fits)) for keep in left]
        )

    line, series = fits[first]
    wide, _ = crossing_of(turns, first, bounds[first].share, queues.get(first), start_rps, factor=2.0, final=True)
    return Estimate(
        line.log_rate,
        line.slope,
        first,
        without(pair),
        without(block),
        _turn_variance(series, bounds[first].share, line),
        wide.log_rate,
        _expected_variance(series, bounds[first].share, line),
        _table_error(series, bounds[first].share, queues.get(first), line),
    )


def _table_error(series: Series, allowed: float, queue: ReferenceQueue | None, line: Crossing) -> float:
    """Return the error that comes with the table: rates that lie between other rows of it have errors of their own."""
    if queue is None or not series.control.any():
        return 0.0
    share = line.share(series.log_rate, allowed)
    information = series.weight * series.requests * share * (1 - share)
    place = series.log_rate / RATE_STEP
    row, part = np.floor(place).astype(np.intp), place - np.floor(place)
    rows = np.bincount(row - row.min(), information * (1 - part), row.max() - row.min() + 2)
    rows[1:] += np.bincount(row - row.min(), information * part)
    relative = queue.relative_error(line.log_rate, queue.service_s(line.log_rate, allowed))
    alike = float(np.linalg.norm(rows) / rows.sum())
    return coefficient(series, allowed, line) * relative * alike / line.slope


def _refit(series: Series, allowed: float, line: Crossing, rows: Rows) -> float:
    left = controlled(series.only(rows), allowed, line)
    return fit(left, allowed, line).log_rate


def _turn_variance(series: Series, allowed: float, line: Crossing) -> float:
    """Return the sandwich variance of the crossing with each turn as a cluster."""
    adjusted = controlled(series, allowed, line)
    share = line.share(series.log_rate, allowed)
    design = np.column_stack([np.full(share.size, -line.slope), series.log_rate - line.log_rate])
    information = (design * (series.weight * series.requests * share * (1 - share))[:, None]).T @ design
    information += np.diag([1e-9, line.dispersion * 1e-3])
    scores = design * (series.weight * (adjusted.missed - series.requests * share))[:, None]
    influence = scores @ np.linalg.inv(information)[:, 0]
    return float(influence @ influence)


def _expected_variance(series: Series, allowed: float, line: Crossing) -> float:
    """Return the variance of the crossing by the dispersion of all turns, which is steadier than that of a few."""
    share = line.share(series.log_rate, allowed)
    design = np.column_stack([np.full(share.size, -line.slope), series.log_rate - line.log_rate])
    information = (design * (series.weight * series.requests * share * (1 - share))[:, None]).T @ design
    noise = (design * (series.weight**2 * series.requests * share * (1 - share))[:, None]).T @ design
    inverse = np.linalg.inv(information + np.diag([1e-9, line.dispersion * 1e-3]))[0]
    return line.dispersion * float(inverse @ noise @ inverse)


def spread_of(found: Estimate) -> Spread:
    """Return one arm's capacity with its error: that over servers, and over time as far as it is more than noise."""
    extra = (found.table_error, (found.wide - found.log_rate) / 2)
    turns = (found.without_turn_variance, found.expected_variance)
    return _spread(found.log_rate, found.without_pair, found.without_block, turns, extra)


def change_of(baseline: Estimate, candidate: Estimate) -> Spread:
    """Return the shift of the curve from one arm to the other: both lose the same pair of servers at once.

    The parallel-line assay's relative potency (Finney, Statistical Method in Biological Assay, 3rd ed., 1978), with a
    slope of its own for each arm.
    """
    change = candidate.log_rate - baseline.log_rate
    gap = (candidate.wide - candidate.log_rate) - (baseline.wide - baseline.log_rate)
    # Where both capacities are equal, both use the same part of the table, and its error cancels.
    apart = min(abs(change) / RATE_STEP, 1.0)
    extra = (apart * hypot(baseline.table_error, candidate.table_error), gap / 2)
    pairs = min(baseline.without_pair.size, candidate.without_pair.size)
    blocks = min(baseline.without_block.size, candidate.without_block.size)
    return _spread(
        change,
        candidate.without_pair[:pairs] - baseline.without_pair[:pairs],
        candidate.without_block[:blocks] - baseline.without_block[:blocks],
        (
            baseline.without_turn_variance + candidate.without_turn_variance,
            baseline.expected_variance + candidate.expected_variance,
        ),
        extra,
    )


def _spread(
    value: float, without_pair: Floats, without_block: Floats, turns: tuple[float, float], other: tuple[float, ...]
) -> Spread:
    """Add variances over servers and over time; what both contain, the noise of single turns, counts once.

    Delete-one-group jackknife (Miller, Biometrika 61, 1974, 1); clusters in two ways as in Cameron, Gelbach & Miller,
    Journal of Business & Economic Statistics 29, 2011, 238. Servers count with what the dispersion of all turns lets
    expect, if that is more: few servers may agree by chance. `other`: errors that no turn shows: the table's, and half
    of what the shape of the curve matters.
    """
    alone, expected = turns
    servers, time = max(_jackknife(without_pair), _UNSEEN * expected), _jackknife(without_block)
    extra = max(0.0, time - alone)
    freedom = without_pair.size - 1 if servers >= extra else min(without_pair.size, without_block.size) - 1
    return Spread(value, sqrt(servers + extra + sum(error**2 for error in other)), max(freedom, 1))


def _jackknife(without: Floats) -> float:
    count = without.size
    if count < 2:
        return float("inf")
    return float((count - 1) / count * ((without - without.mean()) ** 2).sum())


def as_rates(ends: tuple[float, float]) -> tuple[float, float]:
    """Convert an interval of logarithms."""
    return exp(ends[0]), exp(ends[1])
