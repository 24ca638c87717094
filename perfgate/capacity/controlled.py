"""One arm's curve near its crossing, with the luck of the arrivals removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from perfgate.capacity.crossing import (
    Crossing,
    Rows,
    Series,
    both_sides,
    controlled,
    dispersion,
    fit,
    nearness,
    reach_of,
    start_at,
    within,
)
from perfgate.capacity.reference_queue import ReferenceQueue
from perfgate.capacity.turn import Floats, Turn

GRID = 0.04
"""Distance of the reference queues, in logarithms of their capacities."""
_ROUNDS = 6
_CLOSE = 5e-4
_CALM = 10.0
"""Least dispersion while searching: a few turns must not make the slope steep."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One arm's turns, and where the share of one bound's misses crosses what may miss."""

    turns: Sequence[Turn]
    series: Series
    line: Crossing
    allowed: float
    queue: ReferenceQueue | None

    def without(self, rows: Rows) -> float:
        """Return the logarithm of the capacity that is found if some turns had not been."""
        kept = np.ones(len(self.turns))
        kept[rows] = 0.0
        left = replace(self, series=replace(self.series, weight=self.series.weight * kept))
        return _crossed(left).log_rate


def series_of(turns: Sequence[Turn], bound: int) -> Series:
    """Return one arm's turns as arrays; what the load generator was too slow for counts as no requests."""
    own = np.array([not turn.seen.generator_bound for turn in turns], np.float64)
    return Series(
        np.array([log(turn.rate_rps) for turn in turns]),
        np.array([turn.missed[bound] for turn in turns], np.float64) * own,
        np.array([turn.requests for turn in turns], np.float64) * own,
        np.ones(own.size),
        np.zeros((own.size, 0)),
    )


def fitted_curve(  # noqa: PLR0913 - what a fit needs
    turns: Sequence[Turn],
    bound: int,
    allowed: float,
    queue: ReferenceQueue | None,
    start_rps: float,
    *,
    reach: float | None = None,
    factor: float = 1.0,
    final: bool = False,
) -> Curve:
    """Fit one arm's curve near its crossing.

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
        before, series = line.log_rate, _with_controls(Curve(turns, series, line, allowed, queue))
        for _ in range(2):
            line = _crossed(Curve(turns, series, line, allowed, queue))
            far = reach or factor * max(reach_of(line.slope), both_sides(series, line.log_rate, allowed))
            series = replace(series, weight=nearness(series.log_rate, line.log_rate, far))
            line = replace(line, dispersion=max(dispersion(controlled(series, allowed, line), allowed, line), least))
        if abs(line.log_rate - before) < _CLOSE:
            break
    return Curve(turns, series, line, allowed, queue)


def _crossed(curve: Curve) -> Crossing:
    """Fit the line to what is left without the luck of the arrivals."""
    left = controlled(curve.series, curve.allowed, curve.line)
    return within(fit(left, curve.allowed, curve.line), curve.series)


def _with_controls(curve: Curve) -> Series:
    """Add what the arrivals of each turn contributed to reference queues with capacities near the server's.

    The queues' capacities lie on a fixed grid: one that followed the estimate would follow its noise too.
    """
    if curve.queue is None:
        return curve.series
    middle = round(curve.line.log_rate / GRID)
    return replace(curve.series, controls=np.column_stack([_control(curve, middle + step) for step in (-1, 0, 1)]))


def _control(curve: Curve, number: int) -> Floats:
    found, series, queue = np.zeros(len(curve.turns)), curve.series, curve.queue
    if queue is None:
        return found
    service_s = queue.service_s(number * GRID, curve.allowed)
    for row in np.flatnonzero((series.weight > 0) & (series.requests > 0)).tolist():
        turn = curve.turns[row]
        expected = turn.requests * queue.share(float(series.log_rate[row]), service_s)
        found[row] = queue.missed(turn.instants_s, service_s) - expected
    return found
