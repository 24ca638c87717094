"""Levels of planned looks and their decisions, written from docs/explanation/method.md ("Looks on the way")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import log1p

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from tests.independent.effect import Effects

Floats = NDArray[np.float64]

POINTS = 200
FAR = 9.0
OPEN, PASS, FAIL = 0, 1, 2


def spent(fraction: float, alpha: float) -> float:
    """Return the error that all looks up to there may have spent."""
    return alpha * fraction**3


def _excess(bound: float, at: Floats, mass: Floats, step: float, part: float) -> float:
    """Compare the probability to end beyond the bound after a step with the allowed one, as logs."""
    return float(special.logsumexp(special.log_ndtr((at - bound) / step), b=mass) - np.log(part))


@cache
def levels(
    fractions: tuple[float, ...], alpha: float, spending: Callable[[float, float], float] = spent
) -> tuple[float, ...]:
    """Nominal one-sided level of each look, by recursive integration over a Brownian motion at these times."""
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    at, mass = np.zeros(1), np.ones(1)  # the motion begins at 0
    found, before, used = [], 0.0, 0.0
    for time in fractions:
        step, far = np.sqrt(time - before), FAR * np.sqrt(time)
        part = spending(time, alpha) - used
        bound = optimize.brentq(_excess, 0, 2 * far, args=(at, mass, step, part), xtol=1e-14)
        found.append(float(special.ndtr(-bound / np.sqrt(time))))
        grid = -far + (nodes + 1) / 2 * (bound + far)
        density = np.exp(-(((grid[:, None] - at) / step) ** 2) / 2) @ mass / (step * np.sqrt(2 * np.pi))
        at, mass = grid, weights * (bound + far) / 2 * density
        before, used = time, used + part
    return tuple(found)


def decisions(looked: Sequence[Effects], levels: Sequence[float], tolerance: float) -> NDArray[np.int64]:
    """Return the looks' decision for each run; the first look that decides anything counts."""
    state = np.full(looked[0].df.size, OPEN)
    for effects, level in zip(looked, levels, strict=True):
        fails = effects.lower(level) > log1p(tolerance)
        passes = effects.upper(level) <= log1p(tolerance)
        state = np.where(state != OPEN, state, np.select([fails, passes], [FAIL, PASS], OPEN))
    return state
