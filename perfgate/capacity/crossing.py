"""Where the share of requests that miss an objective crosses the share that may, as a function of the rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from perfgate.capacity.turn import Floats

_SHAPE, _SCALE = 1.5, 20.0
"""Gamma prior of the slope, wide: a queue with a constant service time has 10 to 40, a cliff 70, a slow rise 4."""
_LOGIT_SD = 6.0
"""Standard deviation of the prior of each curve's height, in logits: next to nothing."""
_STEPS, _HALVINGS = 60, 20
_FLAT = 30.0
_MOST_CONTROL = 1.3
_SOME, _WELL_WITHIN = 3, 1.3
_BEYOND = 0.05
"""How far beyond the rates that were visited a crossing may lie, in logarithms."""

Rows = NDArray[np.intp] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The turns of one arm as arrays; requests that missed one bound."""

    log_rate: Floats
    missed: Floats
    """A control variate may make it fractional, or negative."""
    requests: Floats
    weight: Floats
    """1 at the crossing, 0 where a turn is too far from it."""
    controls: Floats
    """Turns x queues: what the arrivals contributed to each reference queue, in requests; on average 0."""

    def only(self, rows: Rows) -> Series:
        """Select some turns."""
        return Series(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Crossing:
    """The logit of the share that misses, as a line in the logarithm of the rate."""

    log_rate: float
    """Where it crosses the share that may miss."""
    slope: float
    dispersion: float = 1.0
    """Variance of a turn's count, relative to that of independent requests; at least 1."""

    def share(self, log_rate: Floats, allowed: float) -> Floats:
        """Return the share that misses at some rates."""
        logit = log(allowed / (1 - allowed)) + self.slope * (log_rate - self.log_rate)
        return np.asarray(1 / (1 + np.exp(-np.clip(logit, -_FLAT, _FLAT))), np.float64)


def fit(series: Series, allowed: float, start: Crossing) -> Crossing:
    """Fit the line by penalised quasi-likelihood; the problem is concave, so the start decides nothing.

    McCullagh & Nelder, Generalized Linear Models, 2nd ed., 1989, chapter 9. The prior keeps the slope finite where all
    turns on one side miss and none on the other; the dispersion says how much data weighs against it.
    """
    use = (series.requests > 0) & (series.weight > 0)
    if not use.any():
        return start
    found, origin, offset = series.only(use), start.log_rate, log(allowed / (1 - allowed))
    weight = found.weight / start.dispersion
    design = np.column_stack([np.ones(found.log_rate.size), found.log_rate - origin])
    place = np.array([offset, start.slope])

    def height(at: Floats) -> float:
        if at[1] <= 0:
            return -np.inf
        logit = design @ at
        likelihood = weight @ (found.missed * logit - found.requests * np.logaddexp(0, logit))
        prior = (_SHAPE - 1) * log(at[1]) - at[1] / _SCALE - ((at[0] - offset) / _LOGIT_SD) ** 2 / 2
        return float(likelihood + prior)

    best = height(place)
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-np.clip(design @ place, -_FLAT, _FLAT)))
        gradient = design.T @ (weight * (found.missed - found.requests * share))
        gradient += np.array([-(place[0] - offset) / _LOGIT_SD**2, (_SHAPE - 1) / place[1] - 1 / _SCALE])
        curvature = (design * (weight * found.requests * share * (1 - share))[:, None]).T @ design
        curvature += np.diag([1 / _LOGIT_SD**2, (_SHAPE - 1) / place[1] ** 2])
        step = np.linalg.solve(curvature, gradient)
        tries = (place + step / 2**halving for halving in range(_HALVINGS))
        place, before = next((at for at in tries if height(at) >= best), place), best
        best = height(place)
        if best - before < 1e-9:
            break
    return replace(start, log_rate=origin + float((offset - place[0]) / place[1]), slope=float(place[1]))


def within(line: Crossing, series: Series) -> Crossing:
    """Keep a crossing near the rates that were visited, so that some turns always count."""
    rates = series.log_rate[series.requests > 0]
    if not rates.size:
        return line
    return replace(line, log_rate=min(max(line.log_rate, rates.min() - _BEYOND), rates.max() + _BEYOND))


def dispersion(series: Series, allowed: float, line: Crossing) -> float:
    """Return Pearson's estimate of the dispersion: at least 1, at most what makes a turn one observation."""
    share = np.clip(line.share(series.log_rate, allowed), allowed / 20, 1 - allowed / 20)
    use = (series.requests > 0) & (series.weight > 0)
    squares = (series.missed - series.requests * share) ** 2 / np.maximum(series.requests, 1) / (share * (1 - share))
    freedom = max(float(series.weight[use].sum()) - 2, 1.0)
    most = float(series.requests[use].mean()) if use.any() else 1.0
    return min(max(1.0, float(series.weight[use] @ squares[use]) / freedom), max(most, 1.0))


def controlled(series: Series, allowed: float, line: Crossing) -> Series:
    """Take from each turn what its arrivals are to blame for, as far as the server follows the reference queues."""
    return replace(series, missed=series.missed - series.controls @ coefficients(series, allowed, line))


def coefficients(series: Series, allowed: float, line: Crossing) -> Floats:
    """Return how far the server follows each reference queue: their residuals' regression, weighted like the fit.

    None is negative (Lawson & Hanson, Solving Least Squares Problems, 1974, chapter 23): between two queues lies one
    whose capacity is between theirs, and a server follows no queue's opposite.
    """
    if not series.controls.size:
        return np.zeros(series.controls.shape[1])
    share = line.share(series.log_rate, allowed)
    root = np.sqrt(series.weight / (series.requests * share * (1 - share) + 1e-9))
    found, _ = optimize.nnls(series.controls * root[:, None], (series.missed - series.requests * share) * root)
    return np.asarray(found * min(1.0, _MOST_CONTROL / max(float(found.sum()), 1e-9)), np.float64)


def nearness(log_rate: Floats, centre: float, reach: float) -> Floats:
    """Return the weights of turns by their distance from the crossing: Tukey's tricube, 0 beyond the reach."""
    return np.asarray(np.clip(1 - (np.abs(log_rate - centre) / reach) ** 3, 0, 1) ** 3, np.float64)


def reach_of(slope: float) -> float:
    """Return how far from the crossing a line is a good description: 3 logits, at least 10 % and at most 40 %.

    From 4 logits away, the rates of a version that is 10 % slower bent the line of the other: 0.3 % of the change.
    """
    return min(max(3 / slope, 0.1), 0.4)


def both_sides(series: Series, centre: float, allowed: float) -> float:
    """Return the reach that takes in some turns that miss too much and some that do not, as far as there are any.

    Where an edge is steep, turns on one side alone would send the crossing away, and those there would send it back.
    """
    distance, used = np.abs(series.log_rate - centre), series.requests > 0
    over = series.missed > allowed * series.requests
    nearest = (np.sort(distance[used & side])[:_SOME] for side in (over, ~over))
    return _WELL_WITHIN * max((float(found[-1]) for found in nearest if found.size), default=0.0)


def width_of(slope: float) -> float:
    """Return the distance of rates at which the share changes fourfold, at least 4 % and at most 10 %."""
    return min(max(log(4) / slope, 0.04), 0.1)


START = Crossing(0.0, 15.0, 10.0)
"""Slope and dispersion before anything is known."""


def start_at(rate_rps: float) -> Crossing:
    """Return the start of a fit."""
    return replace(START, log_rate=log(rate_rps))


def rate_of(line: Crossing) -> float:
    """Return the rate of a crossing."""
    return exp(line.log_rate)
