"""The mean over requests, written only from docs/explanation/method.md ("The mean over requests").

Everything handles many runs at once: the first axis is that of runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LIMIT = 1.5
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
    """Median over visits and replicas, the last two axes, which are kept."""
    flat = values.reshape(*values.shape[:-2], -1)
    return np.asarray(np.median(flat, axis=-1))[..., None, None]


def robust_sd(values: Floats) -> Floats:
    return MAD_TO_SD * whole_median(np.abs(values))


def places(left: Floats, arm: Ints, sd_of_all: Floats) -> tuple[Floats, Floats]:
    """Return the shift of each execution's centre from its replica's median, and the robust deviation.

    `left`, runs x payloads x visits x replicas, is d minus the replica's own median.
    """
    base, candidate = (whole_median(left[..., arm == side]) for side in (0, 1))
    sides = np.where(arm == 1, candidate, base)
    many = left[0, 0].size >= FEW
    sd = robust_sd(left - sides) if many else sd_of_all[:, None]
    counts = left.shape[2] * np.bincount(arm)
    se = MEDIAN_TO_MEAN_SE * sd * np.sqrt((1 / counts).sum())
    return np.where(np.abs(candidate - base) > SURE * se, sides, 0.0) + np.zeros_like(left), sd + np.zeros_like(left)


def everywhere(left: Floats, visits: Visits) -> tuple[Floats, Floats]:
    """The same for runs x blocks x replicas."""
    shift, sd = np.zeros_like(left), np.zeros_like(left)
    for one in np.unique(visits.payload):
        rows = np.flatnonzero(visits.payload == one)[None]
        found = places(left[:, rows], visits.arm, robust_sd(left))
        shift[:, rows], sd[:, rows] = found
    return shift, sd


def payload_values(visits: Visits) -> Floats:
    """Return each payload's time on each replica: runs x payloads, in order of `np.unique`, x replicas."""
    level = block_level(visits.logs, visits.arm)
    d = visits.logs - level[..., None]
    shift, _ = everywhere(d - np.median(d, axis=1)[:, None], visits)
    own = np.median(d - shift, axis=1)[:, None]
    shift, sd = everywhere(d - own, visits)
    drawn = own + np.clip(d - own, shift - LIMIT * sd, shift + LIMIT * sd)
    whole = [
        drawn[:, visits.payload == one].mean(axis=1) + level[:, visits.payload == one].mean(axis=1)[:, None]
        for one in np.unique(visits.payload)
    ]
    return np.asarray(np.exp(np.stack(whole, axis=1)))


def sampling(values: Floats, weight: Floats, arm: Ints, of: int) -> tuple[Floats, int]:
    """Variance of the log ratio because only some payloads were visited, and its degrees of freedom."""
    n = weight.size
    base, candidate = ((values[..., arm == side].mean(axis=-1) * weight) for side in (0, 1))
    ratio = candidate.sum(axis=1) / base.sum(axis=1)
    squares = ((candidate - ratio[:, None] * base) ** 2).sum(axis=1) / (n - 1)
    return np.asarray((1 - n / of) * n * squares / candidate.sum(axis=1) ** 2), n - 1


def plain_values(visits: Visits) -> Floats:
    """The same without clipping: the replica mean."""
    return np.stack(
        [np.exp(visits.logs[:, visits.payload == one]).mean(axis=1) for one in np.unique(visits.payload)], axis=1
    )


def payload_means(visits: Visits, *, robust: bool = True) -> Floats:
    return payload_values(visits) if robust else plain_values(visits)


def replica_numbers(visits: Visits, shares: Floats | None = None, *, robust: bool = True) -> Floats:
    """Log of each replica's mean over payloads, runs x replicas; without shares a payload counts by its visits."""
    kinds, visited = np.unique(visits.payload, return_counts=True)
    weight = visited if shares is None else shares[kinds]
    values = payload_means(visits, robust=robust)
    return np.asarray(np.log(np.tensordot(values, weight / weight.sum(), axes=(1, 0))))
