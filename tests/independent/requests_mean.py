"""The mean over requests, written from docs/method.md ("The mean over requests") and nothing else.

Everything takes many runs at once: the first axis is that of runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LIMIT = 2.5
SURE = 3.0
MAD_TO_SD = 1.4826
FEW = 20
MEDIAN_TO_MEAN_SE = np.sqrt(np.pi / 2)


@dataclass(frozen=True, slots=True)
class Visits:
    """Logs of times, runs x blocks x replicas; the arm of each replica and the payload of each block."""

    logs: Floats
    arm: Ints
    payload: Ints

    def first(self, blocks: int) -> Visits:
        return Visits(self.logs[:, :blocks], self.arm, self.payload[:blocks])


def trimmed_tenth(values: Floats) -> Floats:
    """Mean over the last axis without its lowest and highest tenth, rounded down."""
    size = values.shape[-1]
    return np.asarray(np.sort(values, axis=-1)[..., size // 10 : size - size // 10].mean(axis=-1))


def block_level(logs: Floats, arm: Ints) -> Floats:
    return (trimmed_tenth(logs[..., arm == 0]) + trimmed_tenth(logs[..., arm == 1])) / 2


def whole_median(values: Floats) -> Floats:
    """Median over visits and replicas, the last two axes, which stay."""
    flat = values.reshape(*values.shape[:-2], -1)
    return np.asarray(np.median(flat, axis=-1))[..., None, None]


def robust_sd(values: Floats) -> Floats:
    return MAD_TO_SD * whole_median(np.abs(values))


def drawn_in(left: Floats, arm: Ints, sd_of_all: Floats) -> Floats:
    """Bring executions that lie more than 2.5 robust standard deviations out back to there.

    `left`, runs x payloads x visits x replicas, is d beyond the replica's own median.
    """
    base, candidate = (whole_median(left[..., arm == side]) for side in (0, 1))
    sides = np.where(arm == 1, candidate, base)
    many = left[0, 0].size >= FEW
    sd = robust_sd(left - sides) if many else sd_of_all[:, None]
    counts = left.shape[2] * np.bincount(arm)
    se = MEDIAN_TO_MEAN_SE * sd * np.sqrt((1 / counts).sum())
    middle = np.where(np.abs(candidate - base) > SURE * se, sides, 0.0)
    return np.clip(left, middle - LIMIT * sd, middle + LIMIT * sd)


def payload_values(visits: Visits) -> Floats:
    """Give what each payload takes on each replica: runs x payloads, in order of `np.unique`, x replicas."""
    level = block_level(visits.logs, visits.arm)
    d = visits.logs - level[..., None]
    own = np.median(d, axis=1)[:, None]
    sd_of_all = robust_sd(d - own)
    _, kind, counts = np.unique(visits.payload, return_inverse=True, return_counts=True)
    done = np.empty((len(d), counts.size, visits.arm.size))
    for count in np.unique(counts):  # payloads of equally many visits together, which is quicker
        which = np.flatnonzero(counts == count)
        rows = np.stack([np.flatnonzero(kind == one) for one in which])
        drawn = own + drawn_in(d[:, rows] - own[:, None], visits.arm, sd_of_all).mean(axis=2)
        done[:, which] = np.exp(drawn + level[:, rows].mean(axis=2)[..., None])
    return done


def plain_values(visits: Visits) -> Floats:
    """The same where nothing is drawn in: the replica mean."""
    return np.stack(
        [np.exp(visits.logs[:, visits.payload == one]).mean(axis=1) for one in np.unique(visits.payload)], axis=1
    )


def replica_numbers(visits: Visits, shares: Floats | None = None, *, robust: bool = True) -> Floats:
    """Log of each replica's mean over payloads, runs x replicas; without shares a payload counts by its visits."""
    kinds, visited = np.unique(visits.payload, return_counts=True)
    weight = visited if shares is None else shares[kinds]
    values = payload_values(visits) if robust else plain_values(visits)
    return np.asarray(np.log(np.tensordot(values, weight / weight.sum(), axes=(1, 0))))
