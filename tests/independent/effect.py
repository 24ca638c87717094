"""From one number a replica to an effect, written from docs/explanation/method.md ("From replicas to an effect")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEAST_DF = 10
LEAST_DF_OF_PAIRS = 20
SLOPE_LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Design:
    """For each replica: arm (1 is the candidate), fork server, position in the order of starts."""

    arm: Ints
    parent: Ints
    position: Floats


@dataclass(frozen=True, slots=True)
class Effects:
    """For many runs: differences of logs, their standard errors and degrees of freedom."""

    difference: Floats
    se: Floats
    df: Floats

    def half_width(self, level: float) -> Floats:
        return np.asarray(-special.stdtrit(self.df, level) * self.se)

    def lower(self, level: float) -> Floats:
        return np.asarray(self.difference - self.half_width(level))

    def upper(self, level: float) -> Floats:
        return np.asarray(self.difference + self.half_width(level))


def parents_out(design: Design) -> Floats:
    """Return a column for each fork server but one, or none if the design has no room for them."""
    parents = np.unique(design.parent)
    both = all({0, 1} == set(design.arm[design.parent == one].tolist()) for one in parents)
    columns: Floats = (design.parent[:, None] == parents[1:]).astype(np.float64)
    if both and design.arm.size - 2 - columns.shape[1] >= LEAST_DF:
        return columns
    return columns[:, :0]


def start_blocks_out(design: Design) -> Floats:
    """Return a column for each block of servers started in a row by one fork server, but one; or none."""
    every = np.arange(design.arm.size)
    for size, least in ((2, LEAST_DF_OF_PAIRS), (4, LEAST_DF)):
        rows: list[Floats] = []
        for parent in np.unique(design.parent):
            mine = np.flatnonzero(design.parent == parent)
            mine = mine[np.argsort(design.position[mine])]
            rows += [np.isin(every, mine[at : at + size]).astype(np.float64) for at in range(0, mine.size, size)]
        if every.size - 2 - (len(rows) - 1) >= least:
            both = all(set(design.arm[row > 0].tolist()) == {0, 1} for row in rows)
            return np.column_stack(rows[1:]) if both else np.empty((every.size, 0))
    return np.empty((every.size, 0))


def fitted(y: Floats, arm: Ints, z: Floats) -> tuple[Floats, Floats]:
    """Fit (a, 1, Z) to each row of y by least squares; returns coefficients and (X'X)^-1."""
    x = np.column_stack([arm, np.ones(arm.size), z])
    inverse = np.linalg.inv(x.T @ x)
    return y @ x @ inverse, inverse


def slope_shows(y: Floats, arm: Ints, z: Floats) -> Flags:
    """Test the last column of Z in each row of y."""
    coefficients, inverse = fitted(y, arm, z)
    df = arm.size - len(inverse)
    left = y - coefficients @ np.column_stack([arm, np.ones(arm.size), z]).T
    se = np.sqrt((left**2).sum(axis=1) / df * inverse[-1, -1])
    return np.asarray(2 * special.stdtr(df, -np.abs(coefficients[:, -1]) / se) < SLOPE_LEVEL)


def adjusted(y: Floats, arm: Ints, z: Floats) -> Effects:
    """Welch's t on y minus what the columns of Z, centred, explain."""
    (n, k), z = z.shape, z - z.mean(axis=0)
    coefficients, inverse = fitted(y, arm, z)
    y = y - coefficients[:, 2:] @ z.T
    base, candidate = y[:, arm == 0], y[:, arm == 1]
    sizes = base.shape[1], candidate.shape[1]
    parts = base.var(axis=1, ddof=1) / sizes[0], candidate.var(axis=1, ddof=1) / sizes[1]
    df = (parts[0] + parts[1]) ** 2 / (parts[0] ** 2 / (sizes[0] - 1) + parts[1] ** 2 / (sizes[1] - 1))
    uneven = inverse[0, 0] / (1 / sizes[0] + 1 / sizes[1])
    se = np.sqrt((parts[0] + parts[1]) * (n - 2) / (n - 2 - k) * uneven)
    return Effects(candidate.mean(axis=1) - base.mean(axis=1), se, df * (n - 2 - k) / (n - 2))


def effects(y: Floats, design: Design) -> Effects:
    """Compare the arms in each row of y, adjusted for blocks of starts, else fork servers, and a significant slope."""
    blocks = start_blocks_out(design)
    z = blocks if blocks.shape[1] else parents_out(design)
    plain = adjusted(y, design.arm, z)
    if design.arm.size - 2 < LEAST_DF:
        return plain
    with_slope = np.column_stack([z, design.position])
    shows = slope_shows(y, design.arm, with_slope)
    sloped = adjusted(y, design.arm, with_slope)
    pairs = ((sloped.difference, plain.difference), (sloped.se, plain.se), (sloped.df, plain.df))
    return Effects(*(np.where(shows, one, other) for one, other in pairs))
