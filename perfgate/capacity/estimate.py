"""The capacity of an arm, and its change, with intervals over servers and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, floor, hypot, inf, sqrt

import numpy as np

from perfgate.capacity.answer import Bound
from perfgate.capacity.controlled import Curve, fitted_curve
from perfgate.capacity.crossing import Rows, coefficients, controlled
from perfgate.capacity.reference_queue import RATE_STEP, ReferenceQueue
from perfgate.capacity.turn import Floats, Turn
from perfgate.stats.spread import Spread

BLOCKS = 5
"""Parts of the measurement, in order of time, that show how much the machine changed between them."""
_UNSEEN = 1.15
"""Allowance on the variance that the dispersion lets expect: crowded turns are rare, and some have not occurred."""
_NOT_COMMON = 0.75
"""How much of it counts for a change: both arms had the same arrivals on the same machine."""
_SHAPE = 0.25
"""How much of what turns from twice as far would change counts as an error of a change; of one capacity, half."""


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


def estimate(
    turns: Sequence[Turn], bounds: Sequence[Bound], queues: Mapping[int, ReferenceQueue], start_rps: float
) -> Estimate:
    """Estimate one arm's capacity: the crossing of the objective that breaks first."""
    curves = [
        fitted_curve(turns, index, bound.share, queues.get(index), start_rps, final=True)
        for index, bound in enumerate(bounds)
    ]
    first = min(range(len(bounds)), key=lambda index: curves[index].line.log_rate)
    curve = curves[first]
    rows = np.arange(len(turns))
    pair = np.array([turn.pair for turn in turns])
    block = rows * BLOCKS // max(len(turns), 1)

    def without(ids: Rows) -> Floats:
        counted = (curve.series.weight > 0) & (curve.series.requests > 0)
        left = [np.flatnonzero(ids == each) for each in np.unique(ids[counted])]
        return np.array([min(each.without(rows) for each in curves) for rows in left])

    wide = fitted_curve(turns, first, curve.allowed, curve.queue, start_rps, factor=2.0, final=True)
    return Estimate(
        curve.line.log_rate,
        curve.line.slope,
        first,
        without(pair),
        without(block),
        _turn_variance(curve),
        wide.line.log_rate,
        _expected_variance(curve),
        _table_error(curve),
    )


def _table_error(curve: Curve) -> float:
    """Return the error that comes with the table: rates that lie between other rows of it have errors of their own."""
    series, line, allowed, queue = curve.series, curve.line, curve.allowed, curve.queue
    if queue is None or not series.controls.size:
        return 0.0
    share = line.share(series.log_rate, allowed)
    information = series.weight * series.requests * share * (1 - share)
    place = series.log_rate / RATE_STEP
    row, part = np.floor(place).astype(np.intp), place - np.floor(place)
    rows = np.bincount(row - row.min(), information * (1 - part), row.max() - row.min() + 2)
    rows[1:] += np.bincount(row - row.min(), information * part)
    relative = queue.relative_error(line.log_rate, queue.service_s(line.log_rate, allowed))
    alike = float(np.linalg.norm(rows) / rows.sum())
    return float(coefficients(series, allowed, line).sum()) * relative * alike / line.slope


def _turn_variance(curve: Curve) -> float:
    """Return the sandwich variance of the crossing with each turn as a cluster."""
    series, line, allowed = curve.series, curve.line, curve.allowed
    adjusted = controlled(series, allowed, line)
    share = line.share(series.log_rate, allowed)
    design = np.column_stack([np.full(share.size, -line.slope), series.log_rate - line.log_rate])
    information = (design * (series.weight * series.requests * share * (1 - share))[:, None]).T @ design
    information += np.diag([1e-9, line.dispersion * 1e-3])
    scores = design * (series.weight * (adjusted.missed - series.requests * share))[:, None]
    influence = scores @ np.linalg.inv(information)[:, 0]
    return float(influence @ influence)


def _expected_variance(curve: Curve) -> float:
    """Return the variance of the crossing by the dispersion of all turns, which is steadier than that of a few."""
    series, line, allowed = curve.series, curve.line, curve.allowed
    share = line.share(series.log_rate, allowed)
    design = np.column_stack([np.full(share.size, -line.slope), series.log_rate - line.log_rate])
    information = (design * (series.weight * series.requests * share * (1 - share))[:, None]).T @ design
    noise = (design * (series.weight**2 * series.requests * share * (1 - share))[:, None]).T @ design
    inverse = np.linalg.inv(information + np.diag([1e-9, line.dispersion * 1e-3]))[0]
    return line.dispersion * float(inverse @ noise @ inverse)


def spread_of(found: Estimate) -> Spread:
    """Return one arm's capacity with its error: that over servers, and over time as far as it is more than noise.

    Delete-one-group jackknife (Miller, Biometrika 61, 1974, 1); clusters in two ways as in Cameron, Gelbach & Miller,
    Journal of Business & Economic Statistics 29, 2011, 238; degrees of freedom after Satterthwaite (Biometrics
    Bulletin 2, 1946, 110), rounded down to a whole number. Servers count with what the dispersion of all turns lets
    expect, if that is more: few servers may agree by chance.
    """
    servers = max(_jackknife(found.without_pair), _UNSEEN * found.expected_variance)
    time = max(0.0, _jackknife(found.without_block) - found.without_turn_variance)
    parts = ((servers, found.without_pair.size - 1), (time, found.without_block.size - 1))
    below = sum(variance**2 / max(freedom, 1) for variance, freedom in parts if variance > 0)
    freedom = floor((servers + time) ** 2 / below) if 0 < below < inf else 1
    extra = found.table_error**2 + ((found.wide - found.log_rate) / 2) ** 2
    return Spread(found.log_rate, sqrt(servers + time + extra), max(freedom, 1))


def change_of(baseline: Estimate, candidate: Estimate) -> Spread:
    """Return the shift of the curve from one arm to the other: both lose the same pair of servers at once.

    The parallel-line assay's relative potency (Finney, Statistical Method in Biological Assay, 3rd ed., 1978), with a
    slope of its own for each arm. Time does not count: what the machine did to one turn it did to its neighbour too.
    """
    change = candidate.log_rate - baseline.log_rate
    gap = (candidate.wide - candidate.log_rate) - (baseline.wide - baseline.log_rate)
    # Where both capacities are equal, both use the same part of the table, and its error cancels.
    apart = min(abs(change) / RATE_STEP, 1.0)
    table = apart * hypot(baseline.table_error, candidate.table_error)
    pairs = min(baseline.without_pair.size, candidate.without_pair.size)
    expected = _NOT_COMMON * (baseline.expected_variance + candidate.expected_variance)
    servers = max(_jackknife(candidate.without_pair[:pairs] - baseline.without_pair[:pairs]), expected)
    return Spread(change, sqrt(servers + table**2 + (_SHAPE * gap) ** 2), max(pairs - 1, 1))


def _jackknife(without: Floats) -> float:
    count = without.size
    if count < 2:
        return float("inf")
    return float((count - 1) / count * ((without - without.mean()) ** 2).sum())


def as_rates(ends: tuple[float, float]) -> tuple[float, float]:
    """Convert an interval of logarithms."""
    return exp(ends[0]), exp(ends[1])
