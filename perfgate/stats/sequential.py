"""Group-sequential levels: the level of each planned look with which all looks together err at alpha."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from math import inf, log, pi, sqrt
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from perfgate.stats.table import Floats

_NODES = 160
"""Points of the Gauss-Legendre rule; twice as many change no level in its first eight digits."""
_FAR = 13.0
"""Standard deviations beyond which nothing is left to integrate."""
_LEAST_SPEND = 1e-300


def spent(fraction: float, alpha: float) -> float:
    """Return the error that may be spent up to an information fraction: alpha times its cube.

    The power family of spending functions, Kim & DeMets, Biometrika 74 (1987) 149, with exponent 3. One of
    O'Brien-Fleming type spends next to nothing in the first half, and with Student's t of some 20 degrees of freedom
    even less: clear runs then take a third longer (docs/explanation/method.md).
    """
    return alpha * fraction**3


def nominal_levels(fractions: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """Return the one-sided level at which each look may declare, for ascending information fractions in (0, 1].

    With these levels, the probability of declaring at any look if the truth is the bound itself is what the spending
    function allows up to the last one: alpha if that is 1. Computed by the recursive integration of Armitage, McPherson
    & Rowe, Journal of the Royal Statistical Society A 132 (1969) 235, for statistics with independent increments. More
    strongly correlated statistics, as with replicas that differ in themselves, err less.
    """
    return _way(fractions, alpha).levels


class _Way(NamedTuple):
    """Brownian motion that has not been declared so far: its positions and their probabilities."""

    levels: tuple[float, ...]
    points: Floats
    weights: Floats


@lru_cache(maxsize=1024)
def _way(fractions: tuple[float, ...], alpha: float) -> _Way:
    """Continue from earlier looks, which are cached: a run requests one more look each time."""
    if not fractions:
        return _Way((), np.zeros(1), np.ones(1))
    *earlier, fraction = fractions
    way, before = _way(tuple(earlier), alpha), earlier[-1] if earlier else 0.0
    step, scale = sqrt(fraction - before), sqrt(fraction)
    spend = spent(fraction, alpha) - (spent(before, alpha) if earlier else 0.0)
    bound = _bound(way, step, spend, scale)
    level = float(special.ndtr(-bound / scale)) if earlier else spend
    return _moved(way, (*way.levels, level), step, (-_FAR * scale, min(bound, _FAR * scale)))


def _bound(way: _Way, step: float, spend: float, scale: float) -> float:
    """Return the height that the process exceeds with probability `spend` after one more step."""
    if spend < _LEAST_SPEND:
        return inf

    def excess(bound: float) -> float:
        above = float(way.weights @ special.ndtr((way.points - bound) / step))
        return log(max(above, 1e-320)) - log(spend)

    return float(optimize.brentq(excess, -_FAR * scale, 40.0 * scale, xtol=1e-13))


def _moved(way: _Way, levels: tuple[float, ...], step: float, ends: tuple[float, float]) -> _Way:
    """Advance the process by one step, and keep what is not above the bound."""
    nodes, node_weights = _gauss_legendre()
    low, half = ends[0], (ends[1] - ends[0]) / 2
    points = low + (nodes + 1) * half
    density = _normal_density((points[:, None] - way.points) / step) @ way.weights / step
    return _Way(levels, points, density * node_weights * half)


def _normal_density(x: Floats) -> Floats:
    return np.asarray(np.exp(-(x**2) / 2) / sqrt(2 * pi), np.float64)


@cache
def _gauss_legendre() -> tuple[Floats, Floats]:
    """Return the rule's points in (-1, 1) and their weights; computing them takes 30 ms."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def crosses(p_values: Sequence[float], fractions: tuple[float, ...], alpha: float) -> bool:
    """Return whether any look declares at overall level alpha: its p-value is at most its nominal level."""
    levels = nominal_levels(fractions, alpha)
    return any(p <= level for p, level in zip(p_values, levels, strict=True))
